import { type Option, type OwnCommand, type ParsedArguments, UsageError } from "../command.ts";
import { type Client, createClient } from "./client.ts";
import { connectionOptions, findConnection } from "./connection.ts";

export interface ApiCommandDefinition {
  name: string;
  /** What stands behind the name: `<service>` has to be there, `[service]` may. */
  takes: readonly string[];
  summary: string;
  details?: string;
  options?: Record<string, Option>;
  run(client: Client, call: CommandCall): Promise<number>;
}

export interface CommandCall {
  /** What was typed for each of `takes`, in their order. */
  given: readonly string[];
  json: boolean;
  text(option: string): string | undefined;
  has(option: string): boolean;
}

const jsonOption: Record<string, Option> = {
  json: { type: "boolean", summary: "the API's own objects instead of words" },
};

/** A command that asks a running hook. */
export function apiCommand(definition: ApiCommandDefinition): OwnCommand {
  const { name, takes, summary, details, options = {} } = definition;
  const usage = ["statigo", name, ...takes, ...(Object.keys(options).length > 0 ? ["[options]"] : [])].join(
    " ",
  );
  return {
    kind: "own",
    name,
    usage,
    summary,
    ...(details !== undefined && { details: () => details }),
    options: { ...options, ...jsonOption, ...connectionOptions },
    run: ({ options: typed, positionals }) => {
      checkPositionals(positionals, takes, usage);
      const client = createClient(findConnection(typed, process.env));
      return definition.run(client, readCall(positionals, typed));
    },
  };
}

function readCall(given: readonly string[], typed: ParsedArguments["options"]): CommandCall {
  return {
    given,
    json: typed["json"] === true,
    has: (option) => typed[option] === true,
    text: (option) => {
      const value = typed[option];
      return typeof value === "string" ? value : undefined;
    },
  };
}

function checkPositionals(given: readonly string[], takes: readonly string[], usage: string): void {
  const missing = takes.slice(given.length).find((name) => name.startsWith("<"));
  if (missing !== undefined) throw new UsageError(`${missing} is missing. Usage: ${usage}`);
  const extra = given.slice(takes.length);
  if (extra.length > 0) throw new UsageError(`too many arguments: ${extra.join(" ")}. Usage: ${usage}`);
}

/** A deployment's number, as `#12` or `12`. */
export function readId(text: string | undefined): number {
  const id = Number(/^#?(\d{1,15})$/.exec(text ?? "")?.[1]);
  if (id > 0) return id;
  throw new UsageError(`'${text}' is no deployment's number; \`statigo deployments\` lists them`);
}

/** A service's name as a part of the API's path. */
export function servicePath(service: string | undefined): string {
  return `api/services/${encodeURIComponent(service ?? "")}`;
}
