import { stripVTControlCharacters } from "node:util";
import type { NewLogLine } from "../store/deployment.ts";

/** A program that writes without end must not fill the store. */
const maximumLogBytes = 256 * 1024;
const truncationNotice = `… the rest is not kept: a deployment's log ends after ${maximumLogBytes / 1024} KiB`;
/** Each write waits for the disk, so lines are written together. */
const flushAfterMs = 250;
/** What a row of the store takes besides its text, so that empty lines count as well. */
const rowBytes = 16;

/** The lines of one deployment on their way to the store. */
export interface DeploymentLog {
  add(line: string): void;
  /** Writes what is left; a line that a target adds later is dropped. */
  close(): void;
}

export function createDeploymentLog(write: (lines: readonly NewLogLine[]) => void): DeploymentLog {
  let buffered: NewLogLine[] = [];
  let sizeBytes = 0;
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;

  function flush() {
    clearTimeout(timer);
    timer = undefined;
    const lines = buffered;
    buffered = [];
    if (lines.length > 0) write(lines);
  }

  function add(line: string) {
    if (isClosed || sizeBytes > maximumLogBytes) return;
    sizeBytes += Buffer.byteLength(line) + rowBytes;
    const kept = sizeBytes > maximumLogBytes ? truncationNotice : clean(line);
    buffered.push({ atMs: Date.now(), line: kept });
    timer ??= setTimeout(flush, flushAfterMs);
  }

  function close() {
    isClosed = true;
    flush();
  }

  return { add, close };
}

/** Colours and cursor movements of a program's output would be played back in the terminal of whoever reads it. */
function clean(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
  return stripVTControlCharacters(line).replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, "");
}
