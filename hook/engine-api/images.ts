import type { Credentials } from "../../oci/credentials.ts";
import { type ImageName, isSameImage, parseImageName } from "../../oci/reference.ts";
import { isJsonObject, textOf } from "../json.ts";
import type { ContainerConfig, Signalled } from "./containers.ts";
import type { Engine } from "./engine.ts";
import { EngineError } from "./error.ts";
import { registryAuthHeader } from "./registry-auth.ts";

/** What an Engine tells of an image, as far as somebody here reads it. */
export interface Image {
  Id: string;
  RepoTags: readonly string[] | null;
  RepoDigests: readonly string[] | null;
  Config: ContainerConfig | null;
}

/** By id or by `repository:tag` or `repository@digest`; `undefined` when the Engine does not have it. */
export async function findImage(
  engine: Engine,
  reference: string,
  { signal }: Signalled,
): Promise<Image | undefined> {
  const path = `/images/${encodeURIComponent(reference)}/json`;
  const what = `describe the image ${reference}`;
  return (await engine.call({ method: "GET", path, what, alsoGood: [404], signal })).body as
    | Image
    | undefined;
}

export interface Pull extends Signalled {
  name: ImageName;
  /** A tag, or a digest (`sha256:…`). */
  version: string;
  credentials: Credentials | undefined;
}

/**
 * Pulls an image and reads what the Engine tells to its end: a pull that fails is a good answer with an error in it.
 * Resolves to how many layers came.
 */
export async function pullImage(
  engine: Engine,
  { name, version, credentials, signal }: Pull,
): Promise<number> {
  const what = `pull ${referenceOf(name, version)}`;
  const query = { fromImage: name.text, tag: version };
  const headers = registryAuthHeader(credentials, name);
  const layers = new Set<string>();
  const call = { method: "POST", path: "/images/create", query, headers, what, signal } as const;
  try {
    for await (const line of engine.stream(call)) {
      if (!isJsonObject(line)) continue;
      const problem = readProblem(line);
      if (problem !== undefined) throw pullError(problem, what, engine.where);
      if (line["status"] === "Pull complete") layers.add(textOf(line["id"]));
    }
  } catch (error) {
    // What fails before the first layer has a status of its own: 500 also for what the registry has refused.
    const said = error instanceof EngineError && error.status !== undefined ? error.said : "";
    throw said === "" ? error : pullError(said, what, engine.where);
  }
  return layers.size;
}

function readProblem(line: Readonly<Record<string, unknown>>): string | undefined {
  const detail = isJsonObject(line["errorDetail"]) ? textOf(line["errorDetail"]["message"]) : "";
  const problem = detail || textOf(line["error"]);
  return problem === "" ? undefined : problem.replace(/\s+/g, " ").slice(0, 500);
}

/** What a registry has refused stays refused; what lay on the way to it may pass. */
function pullError(problem: string, what: string, where: string): EngineError {
  const isRefusal =
    /unauthorized|denied|manifest unknown|not found|no basic auth|no matching manifest|invalid/i;
  return new EngineError(`the Engine at ${where} could not ${what}: ${problem}`, {
    said: problem,
    isTemporary: !isRefusal.test(problem),
    hasNoEffect: true,
  });
}

export async function tagImage(
  engine: Engine,
  id: string,
  { name, tag, signal }: Signalled & { name: ImageName; tag: string },
): Promise<void> {
  const path = `/images/${encodeURIComponent(id)}/tag`;
  const query = { repo: name.text, tag };
  await engine.call({ method: "POST", path, query, what: `tag ${id} as ${name.text}:${tag}`, signal });
}

/** What `docker pull` takes: a digest is written with `@`. */
export function referenceOf({ text }: Pick<ImageName, "text">, version: string): string {
  return `${text}${version.startsWith("sha256:") ? "@" : ":"}${version}`;
}

/** The digest under which an image's repository has it, where the Engine has pulled it from there. */
export function digestIn({ RepoDigests }: Pick<Image, "RepoDigests">, name: ImageName): string | null {
  for (const reference of RepoDigests ?? []) {
    const parsed = parseReference(reference);
    if (parsed?.digest != null && isSameImage(parsed.name, name)) return parsed.digest;
  }
  return null;
}

export interface ImageReference {
  name: ImageName;
  tag: string | null;
  digest: string | null;
}

/** `repository[:tag][@digest]`, as a container's config has it; `undefined` for an image's id. */
export function parseReference(text: string): ImageReference | undefined {
  const [, repository = "", tag = null, digest = null] =
    /^(.+?)(?::([\w][\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(text) ?? [];
  const parsed = parseImageName(repository);
  if (!("name" in parsed) || repository === "sha256") return undefined;
  return { name: parsed.name, tag, digest };
}
