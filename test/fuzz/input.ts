/** What a fuzzer sends over one connection: parts with a pause between them. Characters are bytes. */
import { readFileSync } from "node:fs";

export type Input = readonly string[];

export interface CorpusEntry {
  /** Why it is kept. */
  readonly note: string;
  readonly parts: Input;
}

export function loadCorpus(): CorpusEntry[] {
  return JSON.parse(readFileSync(new URL("./corpus/wire.json", import.meta.url), "utf8")) as CorpusEntry[];
}

/** As JSON in printable ASCII: to be pasted into corpus/wire.json, or after --replay. */
export function escapeInput(input: Input): string {
  return JSON.stringify(input).replaceAll(
    /[^ -~]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
