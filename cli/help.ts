import type { Command, Option } from "./command.ts";

const introduction = "statigo puts a static site into the smallest container image and keeps it deployed.";

/** Two aligned columns, indented by two spaces. */
function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd()).join("\n");
}

export function describeProgram(commands: readonly Command[]): string {
  return [
    introduction,
    "Usage: statigo <command> [arguments]",
    `Commands:\n${columns(commands.map(({ name, summary }) => [name, summary] as const))}`,
    `Options:\n${columns([
      ["-h, --help", "this text; behind a command, that command's"],
      ["-v, --version", "the versions of statigo and of Node"],
    ])}`,
    "More about one command: statigo help <command>\n",
  ].join("\n\n");
}

function describeOption(name: string, option: Option): [string, string] {
  const short = option.short === undefined ? "" : `-${option.short}, `;
  const value = option.type === "string" ? ` ${option.value ?? "VALUE"}` : "";
  return [`${short}--${name}${value}`, option.summary];
}

export function describeCommand(command: Command): string {
  const parts = [`${command.summary}.`, `Usage: ${command.usage}`];
  if (command.kind === "own") {
    const rows = Object.entries(command.options).map(([name, option]) => describeOption(name, option));
    rows.push(["-h, --help", "this text"]);
    if (command.details !== undefined) parts.push(command.details());
    parts.push(`Options:\n${columns(rows)}`);
  } else {
    parts.push(`All options are listed by: statigo ${command.name} --help`);
  }
  return `${parts.join("\n\n")}\n`;
}
