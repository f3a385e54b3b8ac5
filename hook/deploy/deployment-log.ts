import { stripVTControlCharacters } from "node:util";
import type { LogCut, NewLogLine } from "../store/deployment.ts";

/** A program that writes without end must not fill the store. How it begins is kept, and how it ends, where errors are. */
const headBytes = 64 * 1024;
const tailBytes = 192 * 1024;
/** As much is let come before it is cut to `tailBytes`: to take away the first line for every new one would be slow. */
const tailLimitBytes = tailBytes + 64 * 1024;
/** A target's line may quote an answer of any length. */
const maximumLineLength = 8192;
/** Each write waits for the disk, so lines are written together. */
const flushAfterMs = 250;
/** What writes more than is kept has most of it written and removed again: that must not keep the disk busy. */
const flushCutAfterMs = 2000;
/** What a row of the store takes besides its text, so that empty lines count as well. */
const rowBytes = 16;

/** The lines of one deployment on their way to the store, of one try. */
export interface DeploymentLog {
  add(line: string): void;
  /** Writes what is left; a line that a target adds later is dropped. */
  close(): void;
}

export interface DeploymentLogTools {
  /** The sequence of the last line that earlier tries have written. */
  after: number;
  /** Called in the lines' order; `cut` takes lines out that were written before. */
  write(lines: readonly NewLogLine[], cut?: LogCut): void;
}

/**
 * Lines are written as they come, so that they can be followed, and are there after a kill -9. When there are too many,
 * the oldest behind the head are taken out again, in memory or in the store, wherever they are by then.
 */
export function createDeploymentLog({ after, write }: DeploymentLogTools): DeploymentLog {
  let head: NewLogLine[] = [];
  let headLines = 0;
  let headSize = 0;
  const tail = createTail();
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;

  function flush() {
    clearTimeout(timer);
    timer = undefined;
    const lines = head;
    head = [];
    if (lines.length > 0) write(lines);
    const { unwritten, cut } = tail.take();
    if (unwritten.length > 0) write(unwritten, cut && { ...cut, at: after + headLines + 1 });
  }

  function add(line: string) {
    if (isClosed) return;
    const entry = { atMs: Date.now(), line: clean(line) };
    const size = Buffer.byteLength(entry.line) + rowBytes;
    if (tail.isEmpty() && headSize + size <= headBytes) {
      headSize += size;
      headLines += 1;
      head.push(entry);
    } else {
      tail.add(entry, size);
    }
    timer ??= setTimeout(flush, tail.isCut() ? flushCutAfterMs : flushAfterMs);
  }

  function close() {
    isClosed = true;
    flush();
  }

  return { add, close };
}

/** The last lines, and how many came before them that are left out. */
function createTail() {
  /** Of all that are kept, written or not, the oldest first. */
  let sizes: number[] = [];
  let keptSize = 0;
  let unwritten: NewLogLine[] = [];
  let beganAtMs: number | undefined;
  let leftOutLines = 0;
  let leftOutSize = 0;

  function cutFor(): Omit<LogCut, "at"> | undefined {
    if (leftOutLines === 0 || beganAtMs === undefined) return undefined;
    return { keep: sizes.length, notice: { atMs: beganAtMs, line: describeCut(leftOutLines, leftOutSize) } };
  }

  function leaveOut() {
    let count = 0;
    for (; keptSize > tailBytes && count < sizes.length - 1; count++) {
      const size = sizes[count] ?? 0;
      keptSize -= size;
      leftOutSize += size - rowBytes;
    }
    leftOutLines += count;
    sizes = sizes.slice(count);
    unwritten = unwritten.slice(-sizes.length);
  }

  return {
    isEmpty: () => beganAtMs === undefined,
    isCut: () => leftOutLines > 0,
    add(entry: NewLogLine, size: number) {
      beganAtMs ??= entry.atMs;
      sizes.push(size);
      keptSize += size;
      unwritten.push(entry);
      if (keptSize > tailLimitBytes) leaveOut();
    },
    take() {
      const taken = { unwritten, cut: cutFor() };
      unwritten = [];
      return taken;
    },
  };
}

function describeCut(lines: number, sizeBytes: number): string {
  const size = `${Math.ceil(sizeBytes / 1024).toLocaleString("en")} KiB`;
  const rule = `of a long log the first ${headBytes / 1024} KiB and the last ${tailBytes / 1024} are kept`;
  return `… ${lines.toLocaleString("en")} lines (${size}) are left out here: ${rule}`;
}

/** Colours and cursor movements of a program's output would be played back in the terminal of whoever reads it. */
function clean(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
  const text = stripVTControlCharacters(line).replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, "");
  return text.length > maximumLineLength ? `${text.slice(0, maximumLineLength)}…` : text;
}
