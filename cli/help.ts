import type { Command, HandedOnFlag, Option } from "./command.ts";

const introduction = "statigo puts a static site into the smallest container image and keeps it deployed.";

/** Two aligned columns, indented by two spaces. */
function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd()).join("\n");
}

export function describeProgram(local: readonly Command[], api: readonly Command[]): string {
  const list = (commands: readonly Command[]) =>
    columns(commands.map(({ name, summary }) => [name, summary] as const));
  return [
    introduction,
    "Usage: statigo <command> [arguments]",
    `Commands on this machine:\n${list(local)}`,
    `Commands that ask a running hook (STATIGO_HOOK_URL, STATIGO_HOOK_TOKEN):\n${list(api)}`,
    `Options:\n${columns([
      ["-h, --help", "this text; behind a command, that command's"],
      ["-v, --version", "the versions of all parts"],
    ])}`,
    "More about one command: statigo help <command>\n",
  ].join("\n\n");
}

function describeOption(name: string, option: Option): [string, string] {
  const short = option.short === undefined ? "" : `-${option.short}, `;
  const value = option.type === "string" ? ` ${option.value ?? "VALUE"}` : "";
  return [`${short}--${name}${value}`, option.summary];
}

function describeFlag({ name, hasValue, summary }: HandedOnFlag): [string, string] {
  return [`--${name}${hasValue ? " VALUE" : ""}`, summary];
}

export function describeCommand(command: Command): string {
  const parts = [`${command.summary}.`, `Usage: ${command.usage}`];
  if (command.kind === "own") {
    const rows = Object.entries(command.options).map(([name, option]) => describeOption(name, option));
    rows.push(["-h, --help", "this text"]);
    if (command.details !== undefined) parts.push(command.details());
    parts.push(`Options:\n${columns(rows)}`);
    if (command.handsOn !== undefined)
      parts.push(`Flags of the server:\n${columns(command.handsOn.map(describeFlag))}`);
  } else if (command.kind === "group") {
    if (command.details !== undefined) parts.push(command.details());
    parts.push(
      `Commands:\n${columns(command.commands.map(({ name, summary }) => [name, summary] as const))}`,
    );
    parts.push(`More about one: statigo help ${command.name} <command>`);
  } else {
    parts.push(`All options are listed by: statigo ${command.name} --help`);
  }
  return `${parts.join("\n\n")}\n`;
}
