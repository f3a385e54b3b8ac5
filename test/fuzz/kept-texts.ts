/** Inputs that once showed a mistake, by the fuzzer that they are for: each run starts with them. */
import { readFileSync } from "node:fs";

interface KeptText {
  /** What it showed. */
  readonly note: string;
  readonly text: string;
}

/** @param fuzzer the file's name: corpus/<fuzzer>.json */
export function loadTexts(fuzzer: string): string[] {
  const file = new URL(`./corpus/${fuzzer}.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as KeptText[]).map(({ text }) => text);
}
