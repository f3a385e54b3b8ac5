import type { Service } from "../service.ts";
import type { ActiveState, Deployment } from "../store/deployment.ts";
import type { DeployContext, Outcome, Release } from "../target/target.ts";
import type { Ending } from "./ending.ts";

/** One deployment under way, with all that its steps need. */
export interface Run {
  deployment: Deployment;
  service: Service;
  /** The last good release when this began. */
  replaced: Release | undefined;
  /** When the first try of it began; tries before a pause count. */
  firstStartedAtMs: number;
  /** How many tries were followed by a pause. */
  retries: number;
  /** A pause or a health check ends early when this is aborted. */
  signal: AbortSignal;
  log(line: string): void;
  /** What the registry has; kept with the next change of state. */
  noteDigest(digest: string): void;
  /** Writes down that a state begins; what belongs to it begins after that. */
  enter(state: ActiveState, reason: string | null): Promise<void>;
  /** Why a state was entered the first time, when it was. */
  reasonFor(state: ActiveState): string | null;
  /** Calls the target within its time limit. */
  call(work: (context: DeployContext) => Promise<Outcome>): Promise<Outcome>;
  /** How it ends when it was interrupted: cancelled by a person, or handed over to the next process. */
  interrupt(state: ActiveState, left: string): Ending;
}
