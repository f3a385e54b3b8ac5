import { type ImageName, isSameImage } from "../../../oci/reference.ts";
import { parseReference } from "../../engine-api/images.ts";
import type { Release } from "../target.ts";

/** What is read of a job; the rest of it is sent back as it came. */
export interface Job {
  ID: string;
  Type: string;
  Stop: boolean;
  Version: number;
  JobModifyIndex: number;
  Periodic: object | null;
  ParameterizedJob: object | null;
  Meta: Meta;
  TaskGroups: Group[];
}

export interface Group {
  Name: string;
  Count: number;
  Update: UpdateBlock | null;
  Meta: Meta;
  Services: ServiceBlock[] | null;
  Networks: { ReservedPorts: object[] | null }[] | null;
  ShutdownDelay: number | null;
  Tasks: Task[];
}

export interface Task {
  Name: string;
  Driver: string;
  Config: Record<string, unknown> | null;
  Env: Record<string, string> | null;
  Meta: Meta;
  Services: ServiceBlock[] | null;
  ShutdownDelay: number;
}

export interface UpdateBlock {
  MaxParallel: number;
  HealthCheck: string;
  MinHealthyTime: number;
  Canary: number;
  AutoRevert: boolean;
  AutoPromote: boolean;
}

interface ServiceBlock {
  Checks: object[] | null;
}

type Meta = Record<string, string> | null;

/** Where in a job the image stands, or the variable that its tag is made of. */
export interface Place {
  group: string;
  task: string;
  /** As the job calls the repository: it may be a mirror's name. */
  repository: string;
  /** With what `write` wrote; `null` where it is not known before the task runs. */
  release: Release | null;
  write(release: Release): void;
}

export interface Wanted {
  image: ImageName;
  group?: string | undefined;
  task?: string | undefined;
}

export type Places = { places: Place[] } | { problem: string };

/** Finds the tasks that run the image. They are parts of the given job: `write` changes it. */
export function findPlaces(job: Job, wanted: Wanted): Places {
  const { image, group, task } = wanted;
  const tasks = job.TaskGroups.filter(({ Name }) => group === undefined || Name === group).flatMap((one) =>
    one.Tasks.filter(({ Name }) => task === undefined || Name === task).map((inner) => ({ one, inner })),
  );
  const found = tasks
    .map(({ one, inner }) => placeOf(job, one, inner, wanted))
    .filter((place) => place !== undefined);
  const problem = found.find((place) => "problem" in place);
  if (problem !== undefined) return problem;
  const places = found.filter((place) => "write" in place);
  if (places.length > 0) return { places };
  const has = job.TaskGroups.flatMap(({ Name, Tasks }) =>
    Tasks.map((one) => `${Name}/${one.Name} (${String(one.Config?.["image"] ?? one.Driver)})`),
  ).join(", ");
  const what =
    group === undefined && task === undefined
      ? `no task with the image ${image.text}`
      : "no such task with an image";
  return { problem: `the job ${job.ID} has ${what}; it has ${has}: name one with \`group\` and \`task\`` };
}

function placeOf(
  job: Job,
  group: Group,
  task: Task,
  wanted: Wanted,
): Place | { problem: string } | undefined {
  const config = task.Config;
  const text = config?.["image"];
  if (config === null || typeof text !== "string") return undefined;
  const variable = /^(.+):\$\{([^}]+)\}$/.exec(text);
  // `docker://` is how the podman driver writes a registry's image.
  const scheme = /^docker:\/\//.exec(text)?.[0] ?? "";
  const reference = parseReference((variable?.[1] ?? text).slice(scheme.length));
  const isNamed = wanted.task !== undefined;
  const isMeant = reference !== undefined && (isNamed || isSameImage(reference.name, wanted.image));
  if (!isMeant) {
    if (!isNamed) return undefined;
    return {
      problem: `the image of ${group.Name}/${task.Name} is ${text}, in which no tag can be told from the rest: write it as repository:tag`,
    };
  }
  const about = { group: group.Name, task: task.Name, repository: reference.name.text };
  const holder =
    variable === null
      ? undefined
      : findHolder([task.Meta, group.Meta, job.Meta], task.Env, variable[2] ?? "");
  if (holder !== undefined) {
    const { values, key } = holder;
    return {
      ...about,
      release: releaseOf(values[key]),
      write: ({ tag }) => {
        values[key] = tag;
      },
    };
  }
  if (variable?.[2]?.includes("."))
    return {
      problem: `the image of ${group.Name}/${task.Name} is ${text}, whose tag Nomad makes on each node: write it as repository:tag`,
    };
  return {
    ...about,
    release: variable === null ? { tag: reference.tag ?? "latest", digest: reference.digest } : null,
    write: ({ tag, digest }) => {
      // Of the drivers only docker takes a reference with both.
      const pin = digest !== null && task.Driver === "docker" ? `@${digest}` : "";
      config["image"] = `${scheme}${reference.name.text}:${tag}${pin}`;
    },
  };
}

/**
 * Where the tag's variable gets its value: `NOMAD_META_<key>` (as it is or in capitals; client/taskenv/env.go) from the
 * innermost `meta`, another name from the task's `env`. What a template renders is in neither.
 */
function findHolder(metas: readonly Meta[], env: Task["Env"], name: string) {
  if (env?.[name] !== undefined) return { values: env, key: name };
  const wanted = /^NOMAD_META_(.+)$/.exec(name)?.[1];
  for (const values of metas) {
    if (wanted === undefined || values === null) continue;
    const key = Object.keys(values).find((one) => one === wanted || one.toUpperCase() === wanted);
    if (key !== undefined) return { values, key };
  }
  return undefined;
}

function releaseOf(value = ""): Release | null {
  const [, tag, digest = null] = /^([\w][\w.-]{0,127})(?:@(sha256:[0-9a-f]{64}))?$/.exec(value) ?? [];
  return tag === undefined ? null : { tag, digest };
}

/** Whether it is the same, as far as both tell. */
export function isSameRelease(one: Release | null, other: Release): boolean {
  if (one === null || one.tag !== other.tag) return false;
  return one.digest === null || other.digest === null || one.digest === other.digest;
}

/** What `GET` tells beside what the operator wrote: a version differs from the next in these, whatever changed. */
const setByServer = [
  "Version",
  "JobModifyIndex",
  "ModifyIndex",
  "CreateIndex",
  "SubmitTime",
  "Status",
  "StatusDescription",
  "Stable",
  "VersionTag",
  "NomadTokenID",
];

/** Whether two versions of a job differ in nothing but the release. */
export function differOnlyInRelease(one: Job, other: Job, wanted: Wanted): boolean {
  const [first, second] = [one, other].map((job) => {
    const copy = structuredCopy(job);
    const found = findPlaces(copy, wanted);
    if ("places" in found) for (const { write } of found.places) write({ tag: "same", digest: null });
    return JSON.stringify(Object.entries(copy).filter(([key]) => !setByServer.includes(key)));
  });
  return first === second;
}

function structuredCopy(job: Job): Job {
  return JSON.parse(JSON.stringify(job)) as Job;
}
