import type { EngineState, Outcome } from "./target.ts";

export interface ApiErrorFacts {
  status?: number;
  said?: string;
  isTemporary: boolean;
  hasNoEffect: boolean;
}

/** Thrown by every call of an engine's HTTP API that came to no good answer; it says what, where and what to do next. */
export class ApiError extends Error {
  override name = "ApiError";
  /** Of the answer; `undefined` when there was none. */
  readonly status: number | undefined;
  /** What the engine itself said. */
  readonly said: string;
  /** Another try may bring another answer. */
  readonly isTemporary: boolean;
  /** It is certain that the engine did nothing. */
  readonly hasNoEffect: boolean;

  constructor(message: string, { status, said, isTemporary, hasNoEffect }: ApiErrorFacts) {
    super(message);
    this.status = status;
    this.said = said ?? "";
    this.isTemporary = isTemporary;
    this.hasNoEffect = hasNoEffect;
  }
}

/** What a call's error makes of a deployment, given how far it had come. */
export function failureOf(error: unknown, engine: EngineState): Outcome {
  if (!(error instanceof ApiError)) throw error;
  const { message: reason, isTemporary } = error;
  return { kind: "failed", reason, isTemporary, engine };
}
