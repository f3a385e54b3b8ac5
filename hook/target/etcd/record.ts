import { z } from "zod";
import { isDigest } from "../../trigger.ts";

/**
 * What the hook and the agents tell each other, as JSON in etcd. Keys that one of them does not know are left alone:
 * the hook and the agents of a cluster are not changed at the same moment.
 */
const releaseShape = {
  service: z.string().min(1),
  image: z.string().min(1),
  tag: z.string().min(1),
  digest: z.string().refine(isDigest).nullable().default(null),
  /** `rollback` looks for a container that was kept first. */
  kind: z.enum(["deploy", "rollback"]).default("deploy"),
  /** How containers are found and replaced: options of the docker target. */
  replace: z.record(z.string(), z.unknown()).default({}),
  /** Between the last container of a machine and the next machine's turn. */
  pauseMs: z.number().min(0).max(3_600_000).default(0),
};

const releaseSchema = z.object({
  /** New each time a release is written, also for one that was there before. */
  id: z.string().min(1),
  ...releaseShape,
  /** The number in the hook's history; 0 when somebody else wrote it. */
  deployment: z.number().default(0),
  /** What was there before it, to go back to. */
  previous: z.object(releaseShape).nullable().default(null),
});

export type ReleaseRecord = z.output<typeof releaseSchema>;

export const progressStates = [
  "pulling",
  "waiting",
  "replacing",
  "interrupted",
  "converged",
  "failed",
] as const;

const progressSchema = z.object({
  /** Of the release that it is about. */
  release: z.string(),
  machine: z.string(),
  state: z.enum(progressStates),
  /** For the deployment's log. */
  line: z.string(),
  /** How many containers of the release's image it has, and how many of them were replaced for it. */
  containers: z.number().default(0),
  replaced: z.number().default(0),
  /** Of a failure: what the machine is left with, and whether another try may go better. */
  engine: z.enum(["unchanged", "changed", "unknown"]).default("unknown"),
  isTemporary: z.boolean().default(false),
  /** The old container had been stopped, and runs again. */
  isRolledBack: z.boolean().default(false),
});

export type Progress = z.output<typeof progressSchema>;

export function parseRelease(text: string): ReleaseRecord | undefined {
  return parseWith(releaseSchema, text);
}

export function parseProgress(text: string): Progress | undefined {
  return parseWith(progressSchema, text);
}

function parseWith<Value>(schema: z.ZodType<Value>, text: string): Value | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

export function previousOf(record: ReleaseRecord): ReleaseRecord["previous"] {
  const { service, image, tag, digest, kind, replace, pauseMs } = record;
  return { service, image, tag, digest, kind, replace, pauseMs };
}
