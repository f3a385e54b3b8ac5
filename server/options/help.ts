/** What --help prints. */
import { version } from "../version.ts";
import { flags } from "./flags.ts";

export function helpText(): string {
  const lines: string[] = [];
  for (const flag of flags) lines.push(flag.helpLine());
  lines.push("", "Each but the last four is also a variable, such as STATIGO_ROOT_DIR; a flag goes first.");
  // A screen of 40 lines shows all of it, and where the next command is typed.
  return `statigo ${version} serves a folder over HTTP: statigo [flags]${lines.join("\n")}\n`;
}
