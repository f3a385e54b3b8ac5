import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { CredentialsError } from "../../oci/credentials.ts";
import { ImageError, type ImageFault } from "../../oci/image-error.ts";
import { TransportError } from "../../oci/transport.ts";
import { CommandError, exitStatus } from "../exit-status.ts";
import { createProgress, type ProgressBars } from "./progress-bar.ts";

export interface Work {
  signal: AbortSignal;
  /** A folder for this work alone, which goes away with it. */
  staging: string;
  progress: ProgressBars;
}

/** Of libuv, whose threads compress; it has no more, and looks at the variable when the first is needed. */
const leastThreads = 4;

/** Before anything else: the first file that is asked for makes the threads. */
export function useAllProcessors(): void {
  process.env["UV_THREADPOOL_SIZE"] ??= String(Math.max(leastThreads, availableParallelism() + 1));
}

/**
 * Does what a command is about: with a folder of its own, ended by Ctrl-C, and with errors that say which exit status
 * they mean.
 */
export async function withWork(isQuiet: boolean, work: (work: Work) => Promise<number>): Promise<number> {
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, interrupt);
  const progress = createProgress(process.stderr, isQuiet);
  const staging = await mkdtemp(join(tmpdir(), "statigo-image-"));
  try {
    return await work({ signal: interruption.signal, staging, progress });
  } catch (error) {
    if (interruption.signal.aborted) return exitStatus.interrupted;
    throw explain(error);
  } finally {
    progress.stop();
    await rm(staging, { recursive: true, force: true });
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, interrupt);
  }
}

const statusOf: Readonly<Record<ImageFault, number>> = {
  image: exitStatus.failed,
  away: exitStatus.unreachable,
  denied: exitStatus.notAllowed,
};

function explain(error: unknown): unknown {
  if (error instanceof ImageError) return new CommandError(error.message, statusOf[error.fault]);
  if (error instanceof CredentialsError) return new CommandError(error.message, exitStatus.notAllowed);
  if (error instanceof TransportError) return new CommandError(error.message, exitStatus.failed);
  const { code = "", message, syscall } = error as NodeJS.ErrnoException;
  const isOfNetwork =
    /^(?:connect|getaddrinfo|read|write)$/.test(syscall ?? "") && !/^E(?:ACCES|ISDIR|NOSPC|IO)$/.test(code);
  if (isOfNetwork) {
    return new CommandError(`the registry cannot be reached: ${message}`, exitStatus.unreachable);
  }
  if (/CERT|SIGNATURE|^EPROTO$|^ERR_SSL/.test(code)) {
    const advice =
      code === "EPROTO" || code.startsWith("ERR_SSL")
        ? "--plain-http speaks http"
        : "--ca names its authority";
    return new CommandError(
      `the registry's certificate or protocol is not taken (${code}): ${advice}`,
      exitStatus.unreachable,
    );
  }
  if (code === "ENOSPC") {
    return new CommandError(
      `a disk is full (${message}): make room; temporary files are in ${tmpdir()}, and TMPDIR moves them`,
      exitStatus.failed,
    );
  }
  return ["ETIMEDOUT", "ECONNRESET", "EPIPE"].includes(code)
    ? new CommandError(`the connection to the registry was lost: ${message}`, exitStatus.unreachable)
    : error;
}
