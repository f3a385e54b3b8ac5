import { explainConnectionError, isTemporaryConnectionError, isUnreached } from "../http/connection-error.ts";
import type { TlsOptions } from "../http/tls.ts";
import type { EngineAddress } from "./address.ts";

/** Thrown by every call of an Engine that did not come to its answer; the message says what, where and what to do. */
export class EngineError extends Error {
  override name = "EngineError";
  /** Of the answer; `undefined` when there was none. */
  readonly status: number | undefined;
  /** What the Engine itself said, without who and where. */
  readonly said: string;
  /** Another try may bring another answer. */
  readonly isTemporary: boolean;
  /** It is certain that the Engine did nothing. */
  readonly hasNoEffect: boolean;

  constructor(message: string, { status, said, isTemporary, hasNoEffect }: EngineErrorFacts) {
    super(message);
    this.status = status;
    this.said = said ?? message;
    this.isTemporary = isTemporary;
    this.hasNoEffect = hasNoEffect;
  }
}

export interface EngineErrorFacts {
  status?: number;
  said?: string;
  isTemporary: boolean;
  hasNoEffect: boolean;
}

/** The Engine's errors are `{"message"}`, Portainer's have `details` too, and another proxy may answer anything. */
export function errorOfAnswer(status: number, body: string, what: string, where: string): EngineError {
  const said = readMessage(body);
  return new EngineError(`the Engine at ${where} refused to ${what} (${status}${said && `: ${said}`})`, {
    status,
    said,
    isTemporary: status >= 500 || status === 429 || status === 408,
    hasNoEffect: status < 500,
  });
}

function readMessage(body: string): string {
  let parsed: { message?: unknown; details?: unknown } | null;
  try {
    parsed = JSON.parse(body);
  } catch {
    parsed = null;
  }
  const parts = [parsed?.message, parsed?.details].filter((part) => typeof part === "string");
  return [...new Set(parts)].join("; ").replace(/\s+/g, " ").trim().slice(0, 500);
}

/** Why an Engine could not be asked, or did not answer to the end. */
export function errorOfConnection(
  error: unknown,
  { text, socketPath }: EngineAddress,
  tls: TlsOptions | undefined,
): EngineError {
  const { code = "" } = error as NodeJS.ErrnoException;
  const facts = {
    isTemporary: isTemporaryConnectionError(error) || code === "ENOENT",
    hasNoEffect: isUnreached(error) || code === "ENOENT" || code === "EACCES",
  };
  if (socketPath !== undefined && code === "ENOENT")
    return new EngineError(
      `there is no socket ${socketPath}: does Docker run, and is it mounted here?`,
      facts,
    );
  if (socketPath !== undefined && (code === "EACCES" || code === "EPERM"))
    return new EngineError(
      `the socket ${socketPath} is not for this user (${code}): let it join the socket's group`,
      facts,
    );
  return new EngineError(explainConnectionError(error, "the Engine", text, tls), facts);
}
