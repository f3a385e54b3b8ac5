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
  /** It may be given several times, and is a list then. */
  multiple?: true;
}

export interface ParsedArguments {
  options: Record<string, string | boolean | string[] | undefined>;
  positionals: string[];
  /** The flags that are handed on, as they were typed. */
  handedOn: string[];
}

/** A flag of the server, which a command hands on to it. One dash or two, the value behind `=` or as the next word. */
export interface HandedOnFlag {
  name: string;
  hasValue: boolean;
  summary: string;
}

export interface OwnCommand {
  kind: "own";
  name: string;
  usage: string;
  summary: string;
  /** More lines for `statigo help <name>`, computed when asked for. */
  details?: () => string;
  options: Record<string, Option>;
  handsOn?: readonly HandedOnFlag[];
  /** What its first argument may be, for the shell to complete. */
  words?: readonly { word: string; summary: string }[];
  /** Resolves to the exit status. */
  run: (parsed: ParsedArguments) => Promise<number>;
}

export interface ProcessCommand {
  kind: "process";
  name: string;
  usage: string;
  summary: string;
  /** What its first argument and its flags may be, for the shell to complete. */
  words?: readonly { word: string; summary: string }[];
  flags?: readonly HandedOnFlag[];
  /** The command line of the process, out of what followed the command's name. */
  toArguments: (args: string[]) => string[];
  /** Imports the module that is the process: from then on it owns the exit status. */
  start: () => Promise<unknown>;
}

/** Commands of two words: `statigo image build`. */
export interface CommandGroup {
  kind: "group";
  name: string;
  usage: string;
  summary: string;
  details?: () => string;
  commands: readonly OwnCommand[];
}

export type Command = OwnCommand | ProcessCommand | CommandGroup;

/** A mistake in how the command line was typed: reported without a stack, exit status 2. */
export class UsageError extends Error {}
