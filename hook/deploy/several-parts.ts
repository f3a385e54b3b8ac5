import { isJsonObject } from "../json.ts";
import type { Deployment } from "../store/deployment.ts";
import type { DeployContext, Outcome, Release, Target } from "../target/target.ts";
import { callTarget } from "./target-call.ts";

/** One of several targets, with what it is called in the log. */
export interface Part {
  label: string;
  target: Target;
}

/** What became of one part. */
export interface PartResult {
  part: Part;
  outcome: Outcome;
  /** What it had; `null` where that cannot be told. */
  before: Release | null;
}

export interface Notes {
  before?: (Release | null)[];
  /** Of the parts, by their place in the list. */
  notes: Readonly<Record<number, string>>;
}

/** Of an earlier process; anything else says nothing. */
export function readNotes(text: string | null): Notes {
  try {
    const parsed: unknown = JSON.parse(text ?? "");
    return isJsonObject(parsed) ? { notes: {}, ...parsed } : { notes: {} };
  } catch {
    return { notes: {} };
  }
}

/** `docker: …; consul: …` of those that have failed. */
export function failureText(results: readonly PartResult[]): string {
  return results
    .flatMap(({ part, outcome }) =>
      outcome.kind === "succeeded" ? [] : [`${part.label}: ${outcome.reason}`],
    )
    .join("; ");
}

/** The engine has taken the release, or nobody knows. */
function isTouched({ outcome }: PartResult): boolean {
  if (outcome.kind === "succeeded") return true;
  return outcome.kind === "failed" && outcome.engine !== "unchanged";
}

/** The last first, to what each had before; what cannot be put back is left to the history. */
export async function putBackAll(
  results: readonly PartResult[],
  deployment: Deployment,
  context: DeployContext,
  reason: string,
): Promise<Outcome> {
  const problems: string[] = [];
  let isOnHistory = false;
  const back: string[] = [];
  for (const { part, before } of results.filter(isTouched).toReversed()) {
    if (before === null) {
      isOnHistory = true;
      continue;
    }
    context.log(`${part.label}: going back to ${before.tag}`);
    const outcome = await callPart(part, context, (own) => putBack(part, before, deployment, own));
    if (outcome.kind === "succeeded") back.push(`${part.label} has ${before.tag} again`);
    else problems.push(`${part.label} could not be put back: ${outcome.reason}`);
  }
  const said = [reason, ...back, ...problems].join("; ");
  if (problems.length > 0) return { kind: "failed", reason: said, engine: "unknown" };
  if (isOnHistory) return { kind: "failed", reason: said, engine: "changed" };
  const failures = results.flatMap(({ outcome }) => (outcome.kind === "failed" ? [outcome] : []));
  const isTemporary = failures.length > 0 && failures.every((one) => one.isTemporary === true);
  const hasMoved = back.length > 0 || results.some(({ outcome }) => outcome.kind === "rolled-back");
  if (isTemporary || !hasMoved) return { kind: "failed", reason: said, isTemporary, engine: "unchanged" };
  return { kind: "rolled-back", reason: said };
}

/** Each part within its own time limit, its lines under its name. */
export function callPart(
  { target, label }: Part,
  { signal, log }: DeployContext,
  work: (context: DeployContext) => Promise<Outcome>,
  remember: DeployContext["remember"] = async () => {},
): Promise<Outcome> {
  return callTarget(target, work, { signal, log: (line) => log(`${label}: ${line}`), remember });
}

export function putBack(
  { target }: Part,
  to: Release,
  deployment: Deployment,
  context: DeployContext,
): Promise<Outcome> {
  return target.rollback === undefined
    ? target.deploy({ ...deployment, ...to }, context)
    : target.rollback(to, deployment, context);
}
