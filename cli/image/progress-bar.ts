import stringWidth from "string-width";
import { noProgress, type Progress } from "../../oci/progress.ts";
import { cut } from "../table.ts";

/** What is under way, redrawn in place. */
interface Line {
  what: string;
  doneBytes: number;
  totalBytes: number;
}

const redrawMs = 80;
const barWidth = 24;

export interface ProgressBars extends Progress {
  /** Takes the bars away, so that what is printed next stands alone. */
  stop(): void;
}

/** Bars on a terminal; elsewhere a line for each piece of work that is done, or nothing. */
export function createProgress(stream: NodeJS.WriteStream, isQuiet: boolean): ProgressBars {
  if (isQuiet) return { ...noProgress, stop: () => {} };
  return stream.isTTY ? drawBars(stream) : writeLines(stream);
}

function writeLines(stream: NodeJS.WriteStream): ProgressBars {
  return {
    begin: (what) => ({
      add: () => {},
      end: (outcome) => void stream.write(`${what}: ${outcome}\n`),
    }),
    stop: () => {},
  };
}

function drawBars(stream: NodeJS.WriteStream): ProgressBars {
  const lines = new Set<Line>();
  let drawn = 0;
  let timer: NodeJS.Timeout | undefined;
  const clear = () => {
    if (drawn > 0) stream.write(`\u001b[${drawn}A\u001b[0J`);
    drawn = 0;
  };
  const draw = () => {
    const width = (stream.columns || 80) - 1;
    const shown = [...lines].slice(0, Math.max(1, (stream.rows || 24) - 2));
    const text = shown.map((line) => `${cut(renderBar(line), width)}\n`).join("");
    clear();
    stream.write(text);
    drawn = shown.length;
  };
  return {
    begin(what, totalBytes) {
      const line = { what, doneBytes: 0, totalBytes };
      lines.add(line);
      timer ??= setInterval(draw, redrawMs);
      return {
        add(sizeBytes) {
          line.doneBytes += sizeBytes;
        },
        end(outcome) {
          lines.delete(line);
          clear();
          stream.write(`${cut(`${what}: ${outcome}`, (stream.columns || 80) - 1)}\n`);
        },
      };
    },
    stop() {
      clearInterval(timer);
      timer = undefined;
      clear();
      lines.clear();
    },
  };
}

/** `pages 3/8           ████████░░░░░░░░  42%  12.0 of 28.6 MB` */
export function renderBar({ what, doneBytes, totalBytes }: Line): string {
  const part = totalBytes === 0 ? 0 : Math.min(1, Math.max(0, doneBytes / totalBytes));
  const filled = Math.round(part * barWidth);
  const bar = "█".repeat(filled) + "░".repeat(barWidth - filled);
  const name = what + " ".repeat(Math.max(0, 20 - stringWidth(what)));
  const percent = `${Math.floor(part * 100)}%`.padStart(4);
  return `${name} ${bar} ${percent}  ${megabytes(Math.min(doneBytes, totalBytes))} of ${megabytes(totalBytes)} MB`;
}

function megabytes(sizeBytes: number): string {
  return (sizeBytes / 1_000_000).toFixed(1);
}
