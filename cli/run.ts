import { parseArgs } from "node:util";
import packageJson from "../package.json" with { type: "json" };
import { type Command, type OwnCommand, type ParsedArguments, UsageError } from "./command.ts";
import { commands } from "./commands.ts";
import { describeCommand, describeProgram } from "./help.ts";
import { suggestion } from "./nearest.ts";

/** "started": the process now belongs to the hook or the server, which end it themselves. */
export type Outcome = number | "started";

/** Runs one command line, without the two leading entries of `process.argv`. */
export async function run(args: readonly string[]): Promise<Outcome> {
  const [first, ...rest] = args;
  if (first === undefined) {
    process.stderr.write(describeProgram(commands));
    return 2;
  }
  if (first === "--help" || first === "-h") return print(describeProgram(commands));
  if (first === "--version" || first === "-v") return print(describeVersions());
  if (first === "help") return help(rest);
  const command = findCommand(first);
  return command.kind === "own" ? runOwn(command, rest) : start(command.toArguments(rest), command.start);
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function help([name]: readonly string[]): number {
  return print(name === undefined ? describeProgram(commands) : describeCommand(findCommand(name)));
}

function findCommand(name: string): Command {
  const names = commands.flatMap((command) => [command.name, ...aliasesOf(command)]);
  const found = commands.find((command) => command.name === name || aliasesOf(command).includes(name));
  if (found !== undefined) return found;
  const what = name.startsWith("-") ? "option" : "command";
  const list = `The commands are: ${commands.map((command) => command.name).join(", ")}.`;
  throw new UsageError(`there is no ${what} '${name}'.${suggestion(name, [...names, "help"])} ${list}`);
}

function aliasesOf(command: Command): readonly string[] {
  return command.kind === "process" ? (command.aliases ?? []) : [];
}

async function runOwn(command: OwnCommand, args: string[]): Promise<Outcome> {
  const { options, positionals } = parse(command, args);
  if (options["help"] === true) return print(describeCommand(command));
  return command.run({ options, positionals });
}

function parse(command: OwnCommand, args: string[]): ParsedArguments {
  const options: Record<string, { type: "string" | "boolean"; short?: string }> = {
    help: { type: "boolean", short: "h" },
  };
  for (const [name, { type, short }] of Object.entries(command.options)) {
    options[name] = short === undefined ? { type } : { type, short };
  }
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    return { options: values as ParsedArguments["options"], positionals };
  } catch (error) {
    throw new UsageError(`${(error as Error).message}. Usage: ${command.usage}`);
  }
}

/** The hook and the server read `process.argv` when they are imported, so it is rewritten for them first. */
async function start(args: string[], importProcess: () => Promise<unknown>): Promise<Outcome> {
  process.argv = [...process.argv.slice(0, 2), ...args];
  await importProcess();
  return "started";
}

function describeVersions(): string {
  return `statigo ${packageJson.version}\nnode ${process.versions.node}\n`;
}
