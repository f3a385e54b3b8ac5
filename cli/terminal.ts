import { stripVTControlCharacters, styleText } from "node:util";

/** "code" is for what a camera reads: light on dark. */
export type Style = "green" | "red" | "yellow" | "dim" | "bold" | "code";

/** Colours are for a terminal, and never for one whose user said NO_COLOR (no-color.org). */
export function paint(text: string, style: Style | undefined, stream: NodeJS.WriteStream): string {
  const isUnwanted = (process.env["NO_COLOR"] ?? "") !== "";
  if (style === undefined || isUnwanted) return text;
  return styleText(style === "code" ? ["bgBlack", "whiteBright"] : style, text, { stream });
}

/** How wide a line may be; `undefined` where nobody looks: a program gets everything. */
export function widthOf(stream: NodeJS.WriteStream): number | undefined {
  return stream.isTTY ? stream.columns : undefined;
}

/** What came over the network must not steer the terminal. */
export function clean(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
  return stripVTControlCharacters(text).replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
}

/**
 * Nobody reads any more what is written, as behind `| head`. It is as if who reads had pressed Ctrl-C: what goes on ends,
 * and what was begun is tidied up.
 */
export function endWhenUnread(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  process.emit("SIGINT");
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** For people only: it does not stand between a program and what it reads. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** For what comes one by one. */
export function printJsonLine(value: unknown): void {
  print(JSON.stringify(value));
}
