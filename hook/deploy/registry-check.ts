import type { Outcome } from "../target/target.ts";
import type { Run } from "./run.ts";

/** Either the digest to deploy, `null` when nobody knows it, or why the tag cannot be deployed. */
export type CheckedDigest = { digest: string | null } | Extract<Outcome, { kind: "failed" }>;

/** Looks the tag up before anything moves. */
export async function checkRegistry({ deployment, service, log, signal }: Run): Promise<CheckedDigest> {
  const { tag, digest: brought } = deployment;
  const { registry, image } = service;
  if (registry === undefined || !registry.isAsked) return { digest: brought };
  const answer = await registry.findDigest(tag, signal);
  const failed = (reason: string, isTemporary = false) =>
    ({ kind: "failed", reason, isTemporary, engine: "unchanged" }) as const;
  switch (answer.kind) {
    case "missing":
      return failed(`the registry has no ${image.text}:${tag}: is it pushed, and was it kept?`);
    case "refused":
      return failed(`the registry of ${image.text} does not tell about ${tag}: ${answer.problem}`);
    case "away":
      return failed(`the registry of ${image.text} could not be asked about ${tag}: ${answer.problem}`, true);
    case "found":
      return { digest: chooseDigest(answer.digest, brought, registry.digestOf, log) };
  }
}

function chooseDigest(
  found: string,
  brought: string | null,
  digestOf: "webhook" | "registry",
  log: (line: string) => void,
): string {
  if (brought === null || brought === found) {
    log(`the registry has it as ${found}`);
    return found;
  }
  const chosen = digestOf === "registry" ? found : brought;
  log(
    `the registry has it as ${found} now, not as ${brought} as the webhook said: the tag was pushed again; taking ${digestOf === "registry" ? "the registry's" : "the webhook's"}`,
  );
  return chosen;
}
