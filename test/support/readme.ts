/** The README as its tests see it: the fenced snippets with the heading they stand under, and the tables. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const readme = readFileSync(join(resolve(import.meta.dirname, "../.."), "README.md"), "utf8");

export interface Snippet {
  /** `A site's image, sh 2`: the heading, the language, and which one of these it is. */
  key: string;
  text: string;
}

export function snippetsOf(markdown: string): Snippet[] {
  const snippets: Snippet[] = [];
  const counts = new Map<string, number>();
  let heading = "";
  // A fence or a heading, whichever comes next: a `#` inside a fence is a comment of the snippet.
  for (const [, language, text, title] of markdown.matchAll(/^```(\w*)\n([\s\S]*?)^```$|^#+ (.+)$/gm)) {
    if (title !== undefined) {
      heading = title;
      continue;
    }
    const kind = `${heading}, ${language}`;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    snippets.push({ key: `${kind} ${counts.get(kind)}`, text: text ?? "" });
  }
  return snippets;
}

/** The cells of the rows of all tables under a heading, without their head. */
export function tableUnder(markdown: string, heading: string): string[][] {
  const section = markdown.split(/^#+ /m).find((part) => part.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`the README has no heading '${heading}'`);
  const lines = section.split("\n").filter((line) => line.startsWith("|"));
  const rule = lines.findIndex((line) => /^[|-]+$/.test(line));
  return lines.slice(rule + 1).map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
}
