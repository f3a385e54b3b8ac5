/**
 * A command is a plain object in the list of `commands.ts`. One that does its own work declares its options, and the
 * help text and the parsing follow from them; one that starts a process hands every argument on untouched.
 */
export interface Option {
  type: "string" | "boolean";
  short?: string;
  /** What stands for the value in the help text, as `NAME` in `--tag NAME`. */
  value?: string;
  summary: string;
}

export interface ParsedArguments {
  options: Record<string, string | boolean | undefined>;
  positionals: string[];
}

export interface OwnCommand {
  kind: "own";
  name: string;
  usage: string;
  summary: string;
  /** More lines for `statigo help <name>`, computed when asked for. */
  details?: () => string;
  options: Record<string, Option>;
  /** Resolves to the exit status. */
  run: (parsed: ParsedArguments) => Promise<number>;
}

export interface ProcessCommand {
  kind: "process";
  name: string;
  aliases?: string[];
  usage: string;
  summary: string;
  /** The command line of the process, out of what followed the command's name. */
  toArguments: (args: string[]) => string[];
  /** Imports the module that is the process: from then on it owns the exit status. */
  start: () => Promise<unknown>;
}

export type Command = OwnCommand | ProcessCommand;

/** A mistake in how the command line was typed: reported without a stack, exit status 2. */
export class UsageError extends Error {}
