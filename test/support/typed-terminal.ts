/** `statigo` on a terminal of its own, with somebody who reads and types. */
import { spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";
import { cliMain, compileCache } from "./command-line.ts";

export const keys = {
  down: "\u001b[B",
  up: "\u001b[A",
  enter: "\r",
  interrupt: "\u0003",
  clearLine: "\u0015",
} as const;

export interface TypedTerminal {
  /** Waits until the screen shows this, after what was waited for before. */
  sees(text: string): Promise<void>;
  types(text: string): void;
  /** All that was on the screen, in plain text. */
  screen(): string;
  ended: Promise<number | null>;
  kill(): void;
}

const limitMs = 20_000;

export function typeAt(
  args: readonly string[],
  folder: string,
  environment: Readonly<Record<string, string>> = {},
): TypedTerminal {
  const words = [process.execPath, cliMain, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  const line = `stty cols 120 rows 50; exec ${words.join(" ")}`;
  const env = { PATH: process.env["PATH"], TERM: "xterm-256color", ...compileCache, ...environment };
  const child = spawn("script", ["-qefc", line, "/dev/null"], {
    cwd: folder,
    env,
    stdio: ["pipe", "pipe", "inherit"],
  });
  let output = "";
  let seen = 0;
  let wake = () => {};
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
    wake();
  });
  const ended = new Promise<number | null>((end) => child.once("close", end));
  void ended.then(() => wake());
  const screen = () => stripVTControlCharacters(output);
  return {
    screen,
    ended,
    kill: () => child.kill(),
    types: (text) => child.stdin.write(text),
    sees: async (text) => {
      const deadline = performance.now() + limitMs;
      for (;;) {
        const at = screen().indexOf(text, seen);
        if (at >= 0) {
          seen = at + text.length;
          return;
        }
        const left = deadline - performance.now();
        if (left <= 0 || child.exitCode !== null) throw new Error(`'${text}' is not shown:\n${screen()}`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, left);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    },
  };
}
