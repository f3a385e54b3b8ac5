import { type ParseArgsConfig, parseArgs } from "node:util";
import {
  type Command,
  type CommandGroup,
  type OwnCommand,
  type ParsedArguments,
  UsageError,
} from "./command.ts";
import { apiCommands, commands, localCommands } from "./commands.ts";
import { takeHandedOn } from "./handed-on.ts";
import { describeCommand, describeProgram } from "./help.ts";
import { suggestion } from "./nearest.ts";
import { endWhenUnread } from "./terminal.ts";
import { describeVersions } from "./versions.ts";

/** "started": the process now belongs to the hook or the server, which end it themselves. */
export type Outcome = number | "started";

/** Runs one command line, without the two leading entries of `process.argv`. */
export async function run(args: readonly string[]): Promise<Outcome> {
  const [first, ...rest] = args;
  process.stdout.on("error", endWhenUnread);
  if (first === undefined) {
    process.stderr.write(describeProgram(localCommands, apiCommands));
    return 2;
  }
  if (first === "--help" || first === "-h") return print(describeProgram(localCommands, apiCommands));
  if (first === "--version" || first === "-v") return print(describeVersions());
  if (first === "help") return help(rest);
  const { command, args: own } = route(first, rest);
  if (command.kind === "group") return showGroup(command, own);
  return command.kind === "own" ? runOwn(command, own) : start(command.toArguments(own), command.start);
}

/** `statigo hook freeze blog` is `statigo freeze blog`: both are what people try. */
function route(first: string, rest: readonly string[]): { command: Command; args: string[] } {
  const [second, ...behind] = rest;
  const behindHook = first === "hook" ? apiCommands.find(({ name }) => name === second) : undefined;
  if (behindHook !== undefined) return { command: behindHook, args: behind };
  const command = findCommand(first);
  const inGroup = command.kind === "group" ? command.commands.find(({ name }) => name === second) : undefined;
  return inGroup === undefined ? { command, args: [...rest] } : { command: inGroup, args: behind };
}

/** What a group does by itself: it says what there is in it. */
function showGroup(group: CommandGroup, [first]: readonly string[]): number {
  if (first === "--help" || first === "-h") return print(describeCommand(group));
  const names = group.commands.map(({ name }) => name);
  if (first !== undefined) {
    const list = `The commands are: ${names.join(", ")}.`;
    throw new UsageError(`there is no '${group.name} ${first}'.${suggestion(first, names)} ${list}`);
  }
  process.stderr.write(describeCommand(group));
  return 2;
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function help([name, ...rest]: readonly string[]): number {
  if (name === undefined) return print(describeProgram(localCommands, apiCommands));
  return print(describeCommand(route(name, rest).command));
}

function findCommand(name: string): Command {
  const names = commands.map((command) => command.name);
  const found = commands.find((command) => command.name === name);
  if (found !== undefined) return found;
  const what = name.startsWith("-") ? "option" : "command";
  const list = `The commands are: ${names.join(", ")}.`;
  throw new UsageError(`there is no ${what} '${name}'.${suggestion(name, [...names, "help"])} ${list}`);
}

async function runOwn(command: OwnCommand, args: string[]): Promise<Outcome> {
  const parsed = parse(command, args);
  if (parsed.options["help"] === true) return print(describeCommand(command));
  return command.run(parsed);
}

function parse(command: OwnCommand, args: readonly string[]): ParsedArguments {
  const { own, handedOn } = takeHandedOn(args, command.handsOn ?? []);
  const options: NonNullable<ParseArgsConfig["options"]> = { help: { type: "boolean", short: "h" } };
  for (const [name, { type, short, multiple = false }] of Object.entries(command.options)) {
    options[name] = { type, multiple, ...(short !== undefined && { short }) };
  }
  try {
    const { values, positionals } = parseArgs({ args: own, options, allowPositionals: true });
    return { options: values as ParsedArguments["options"], positionals, handedOn };
  } catch (error) {
    throw new UsageError(`${(error as Error).message}. Usage: ${command.usage}`);
  }
}

/** The hook and the server read `process.argv` when they are imported, so it is rewritten for them first. */
async function start(args: string[], importProcess: () => Promise<unknown>): Promise<Outcome> {
  process.argv = [...process.argv.slice(0, 2), ...args];
  process.stdout.off("error", endWhenUnread);
  await importProcess();
  return "started";
}
