import type { ActiveState, Deployment } from "../store/deployment.ts";
import type { EngineState, Release } from "../target/target.ts";

/** How the work on a deployment stops, for good or for now. */
export type Ending =
  | { kind: "succeeded" | "failed"; reason: string }
  | { kind: "rolled-back"; reason: string; rolledBackTo?: string }
  | { kind: "cancelled"; reason: string; actor: string }
  /** The process has to leave: the next one goes on in that state. */
  | { kind: "handed-over"; reason: string; interruptedIn: ActiveState }
  /** Back into the queue until the pause is over. */
  | { kind: "retry"; reason: string; pauseMs: number; engine: EngineState };

export function failed(reason: string): Ending {
  return { kind: "failed", reason };
}

/** What serves now, for somebody who reads that a deployment did not succeed. */
export function describeEngine(
  engine: EngineState,
  { tag }: Pick<Deployment, "tag">,
  replaced: Release | undefined,
): string {
  switch (engine) {
    case "unchanged":
      return `${replaced === undefined ? "what was there before" : replaced.tag} goes on serving`;
    case "changed":
      return `the engine has ${tag}, which was not found healthy`;
    case "unknown":
      return `whether the engine has taken ${tag} is not known: look there`;
  }
}
