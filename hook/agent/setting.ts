import { hostname } from "node:os";
import { z } from "zod";
import type { Fields } from "../config/fields.ts";
import type { Environment } from "../config/load.ts";
import { defaultEngineAddress } from "../engine-api/address.ts";
import type { EtcdSetting } from "../etcd-api/client.ts";
import { tlsSchema } from "../http/tls.ts";
import { dockerSchema } from "../target/docker/setting.ts";
import { machineName } from "../target/etcd/places.ts";
import { accessOf, durationsOf, nodesField, prefixField, userField } from "../target/etcd/setting.ts";

/** Everything an agent was told, checked. */
export interface AgentSetting {
  /** What this machine is called among the others. */
  machine: string;
  etcd: EtcdSetting;
  prefix: string;
  retryDelayMs: number;
  /** How long etcd waits for a word of this agent before its turn is another machine's. */
  sessionMs: number;
  /** Options of the docker target that are this machine's own. */
  docker: Readonly<Record<string, unknown>>;
  killTimeoutMs: number;
  maxThreads: number;
  registry: string | undefined;
  repullPeriodMs: number;
  directory: string;
  environment: Environment;
}

/** Each key is a flag and an environment variable too (arguments.ts), but for those that hold an object. */
export function agentSchema(fields: Fields) {
  const { dialTimeout, retryDelay } = durationsOf(fields);
  return z
    .strictObject({
      machine: z
        .string()
        .regex(machineName, "must have letters, digits, . _ and - only")
        .default(hostname())
        .describe("what this machine is called among the others; its host name when left out"),
      docker: z
        .string()
        .default(defaultEngineAddress)
        .describe("the Engine's API: unix:///path.sock or tcp://host:port"),
      dockerTls: z
        .record(z.string(), z.unknown())
        .optional()
        .describe("ca, cert, key and serverName of the Engine"),
      dockerConfig: z
        .string()
        .min(1, "is empty")
        .optional()
        .describe("a Docker config.json with logins for registries"),
      etcdNodes: nodesField,
      etcdPrefix: prefixField,
      etcdUser: userField.optional(),
      etcdPassword: fields.secret("the password of `etcdUser`").optional(),
      etcdTls: tlsSchema(fields).optional(),
      etcdDialTimeout: dialTimeout,
      etcdRetryDelay: retryDelay,
      etcdSession: fields.duration(
        "how long etcd waits for a silent agent before the turn is another machine's",
        {
          default: "15s",
          minimum: "2s",
          maximum: "10m",
        },
      ),
      killTimeout: fields.duration("how long a container may take to end after its stop signal", {
        default: "10s",
        minimum: "0s",
        maximum: "1h",
      }),
      maxThreads: z.coerce
        .number("must be a number")
        .int()
        .min(1)
        .max(64)
        .default(4)
        .describe("how many images are pulled at the same time"),
      registry: z
        .string()
        .transform((text) => text.replace(/^https?:\/\//, "").replace(/\/+$/, ""))
        .refine(
          (text) => /^[a-zA-Z0-9.-]+(?::\d+)?$/.test(text),
          "must be a registry's host, such as registry.lan:5000",
        )
        .optional()
        .describe("where images of Docker Hub's name are pulled from instead"),
      repullPeriod: fields.duration("how often everything is looked at again without being told", {
        default: "24h",
        minimum: "5s",
        maximum: "365d",
      }),
    })
    .refine(
      ({ etcdUser, etcdPassword }) => (etcdUser === undefined) === (etcdPassword === undefined),
      "etcdUser and etcdPassword go together",
    )
    .superRefine(({ docker, dockerTls, dockerConfig }, context) => {
      const parsed = dockerSchema(fields).safeParse(machineOptions({ docker, dockerTls, dockerConfig }));
      for (const { path, message } of parsed.error?.issues ?? [])
        context.addIssue({ code: "custom", message, path: [...pathOfOption(path)] });
    });
}

type AgentData = z.output<ReturnType<typeof agentSchema>>;

function machineOptions({
  docker,
  dockerTls,
  dockerConfig,
}: Pick<AgentData, "docker" | "dockerTls" | "dockerConfig">) {
  return {
    engine: docker,
    ...(dockerTls !== undefined && { tls: dockerTls }),
    ...(dockerConfig !== undefined && { dockerConfig }),
  };
}

function pathOfOption([first, ...rest]: readonly PropertyKey[]): PropertyKey[] {
  const names: Readonly<Record<string, string>> = { engine: "docker", tls: "dockerTls" };
  return [names[String(first)] ?? String(first), ...rest];
}

export function settingOf(data: AgentData, directory: string, environment: Environment): AgentSetting {
  return {
    machine: data.machine,
    etcd: accessOf({
      nodes: data.etcdNodes,
      user: data.etcdUser,
      password: data.etcdPassword,
      tls: data.etcdTls,
      dialTimeout: data.etcdDialTimeout,
    }),
    prefix: data.etcdPrefix,
    retryDelayMs: data.etcdRetryDelay,
    sessionMs: data.etcdSession,
    docker: machineOptions(data),
    killTimeoutMs: data.killTimeout,
    maxThreads: data.maxThreads,
    registry: data.registry,
    repullPeriodMs: data.repullPeriod,
    directory,
    environment,
  };
}
