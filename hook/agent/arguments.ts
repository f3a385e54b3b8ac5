import { parseArgs } from "node:util";
import { z } from "zod";
import { createFields } from "../config/fields.ts";
import type { Environment } from "../config/load.ts";
import { agentSchema } from "./setting.ts";

/** One thing that an agent can be told: in the file, by a flag, by an environment variable. */
export interface AgentOption {
  key: string;
  /** `undefined` for what is no single word. */
  flag: string | undefined;
  variable: string | undefined;
  description: string;
  default: string;
}

/** Other users of a machine see what stands on a command line. */
const neverFlags = ["etcdPassword"];
const objects = ["etcdTls", "dockerTls"];

const defaults: Readonly<Record<string, string>> = {
  machine: "the host name",
  docker: "unix:///var/run/docker.sock",
  etcdNodes: "http://127.0.0.1:2379",
  etcdPrefix: "/deployer",
  etcdDialTimeout: "5s",
  etcdRetryDelay: "2s",
  etcdSession: "15s",
  killTimeout: "10s",
  maxThreads: "4",
  repullPeriod: "24h",
};

export const agentOptions: readonly AgentOption[] = listOptions();

function listOptions(): AgentOption[] {
  const { shape } = agentSchema(createFields({ environment: {}, directory: "/" }));
  return Object.entries(shape).map(([key, field]) => {
    const words = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const isObject = objects.includes(key);
    return {
      key,
      flag: isObject || neverFlags.includes(key) ? undefined : words,
      variable: isObject ? undefined : `STATIGO_AGENT_${words.replaceAll("-", "_").toUpperCase()}`,
      description: descriptionOf(field),
      default: defaults[key] ?? "",
    };
  });
}

/** A wrapper around a described field has no description of its own. */
function descriptionOf(field: z.ZodType): string {
  if (field.description !== undefined) return field.description;
  const isWrapper = field instanceof z.ZodOptional || field instanceof z.ZodDefault;
  return isWrapper ? descriptionOf(field.unwrap() as z.ZodType) : "";
}

export type AgentArguments =
  | { kind: "run" | "check"; config: string | undefined; given: Given }
  | { kind: "help" }
  | { kind: "version" }
  | { kind: "wrong"; problem: string };

/** What was told by flags and variables: the value, and where it stands. */
export type Given = ReadonlyMap<string, { value: unknown; from: string }>;

/** A flag goes before its variable, and that before the file. */
export function parseAgentArguments(args: readonly string[], environment: Environment): AgentArguments {
  const flags = agentOptions.flatMap(({ flag }) =>
    flag === undefined ? [] : [[flag, { type: "string" }] as const],
  );
  const own = {
    config: { type: "string", short: "c" },
    check: { type: "boolean" },
    help: { type: "boolean", short: "h" },
    version: { type: "boolean" },
  } as const;
  let values: Record<string, string | boolean | undefined>;
  try {
    ({ values } = parseArgs({ args: [...args], options: { ...Object.fromEntries(flags), ...own } }));
  } catch (error) {
    return { kind: "wrong", problem: (error as Error).message };
  }
  if (values["help"] === true) return { kind: "help" };
  if (values["version"] === true) return { kind: "version" };
  const config = (values["config"] ?? environment["STATIGO_AGENT_CONFIG"]) as string | undefined;
  return { kind: values["check"] === true ? "check" : "run", config, given: findGiven(values, environment) };
}

function findGiven(values: Readonly<Record<string, unknown>>, environment: Environment): Given {
  const given = new Map<string, { value: unknown; from: string }>();
  for (const { key, flag, variable } of agentOptions) {
    const byFlag = flag === undefined ? undefined : values[flag];
    const byVariable = variable === undefined ? undefined : environment[variable];
    if (typeof byFlag === "string") given.set(key, { value: readValue(key, byFlag), from: `--${flag}` });
    else if (byVariable !== undefined && byVariable !== "")
      given.set(key, { value: readValue(key, byVariable), from: variable ?? "" });
  }
  return given;
}

/** Several addresses are one word; a number of seconds is what deployer's own flag had. */
function readValue(key: string, text: string): unknown {
  if (key === "etcdNodes") return text.split(",").map((node) => node.trim());
  if (key === "killTimeout" && /^\d+$/.test(text)) return `${text}s`;
  return text;
}

export function describeAgentUsage(): string {
  const rows = agentOptions.flatMap(({ flag, description, default: fallback }) =>
    flag === undefined
      ? []
      : [
          [
            `--${flag}`,
            `${description.split("; ")[0]}${fallback === "" ? "" : ` (default: ${fallback})`}`,
          ] as const,
        ],
  );
  const width = Math.max(...rows.map(([left]) => left.length));
  return `statigo agent: replaces this machine's containers by the releases that etcd has, in turn with the other machines

Usage: agent.js [--config FILE] [--check] [options]

  ${"--config".padEnd(width)}  the configuration, in YAML; without it, the options below are all there is
  ${"--check".padEnd(width)}  check the configuration, and ask etcd and Docker, without changing anything
${rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join("\n")}
  ${"--help".padEnd(width)}  show this text
  ${"--version".padEnd(width)}  show the version

Each option is an environment variable too: --etcd-nodes is STATIGO_AGENT_ETCD_NODES. A password is one only
(STATIGO_AGENT_ETCD_PASSWORD), or stands in the file, as the certificates do (etcdTls, dockerTls).
Signals: SIGTERM and SIGINT end what is under way so that a container serves, and give the turn to the next machine.
`;
}
