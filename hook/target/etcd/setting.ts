import { z } from "zod";
import type { Fields } from "../../config/fields.ts";
import type { EtcdSetting } from "../../etcd-api/client.ts";
import { tlsSchema } from "../../http/tls.ts";
import { dockerSchema } from "../docker/setting.ts";
import { releaseName } from "./places.ts";

export type EtcdOptions = z.output<ReturnType<typeof etcdSchema>>;

const nodeField = z
  .string()
  .transform((text, context) => {
    const url = URL.parse(text);
    const isGood =
      url !== null && /^https?:$/.test(url.protocol) && url.pathname === "/" && !url.search && !url.username;
    if (isGood) return url;
    context.addIssue({ code: "custom", message: "must be http://host:port or https://host:port" });
    return z.NEVER;
  })
  .describe("a member's address, such as http://10.0.0.1:2379");

/** Where etcd is: the same for the hook and for the agents. */
export const nodesField = z
  .array(nodeField)
  .min(1)
  .max(20)
  .default([new URL("http://127.0.0.1:2379")])
  .describe("the members of etcd's cluster, such as [http://10.0.0.1:2379]");

export const prefixField = z
  .string()
  .regex(/^(?:\/[\w.-]+)+$/, "must begin with a slash and not end with one, such as /deployer")
  .default("/deployer")
  .describe("what all keys begin with, such as /deployer");

export function durationsOf(fields: Fields) {
  return {
    dialTimeout: fields.duration("how long a connection to a member of etcd may take", {
      default: "5s",
      minimum: "100ms",
      maximum: "1m",
    }),
    retryDelay: fields.duration("how long to wait before etcd is asked again that was away", {
      default: "2s",
      minimum: "10ms",
      maximum: "1m",
    }),
  };
}

export const userField = z.string().min(1, "is empty").describe("a user of etcd's access control");

export function etcdSchema(fields: Fields) {
  return z
    .strictObject({
      nodes: nodesField,
      prefix: prefixField,
      key: z
        .string()
        .regex(releaseName, "must be a name such as blog or acme/blog")
        .max(255)
        .optional()
        .describe("the release's name under the prefix; the service's when left out"),
      user: userField.optional(),
      password: fields.secret("the password of `user`").optional(),
      tls: tlsSchema(fields).optional(),
      ...durationsOf(fields),
      replace: replaceField(fields).prefault({}),
      pause: fields.duration("how long after one machine's turn the next one begins", {
        default: "2s",
        minimum: "0s",
        maximum: "1h",
      }),
      timeout: fields.duration("how long all machines together may take", {
        default: "30m",
        minimum: "5s",
        maximum: "24h",
      }),
    })
    .refine(
      ({ user, password }) => (user === undefined) === (password === undefined),
      "user and password go together",
    );
}

/** Of the docker target's options, those that are not a machine's own. */
export const replaceKeys = [
  "container",
  "label",
  "order",
  "health",
  "overlap",
  "keep",
  "anonymousVolumes",
  "autoRemove",
] as const;

/** Checked here and handed on as it is: it is the agents that use it. */
function replaceField(fields: Fields) {
  const docker = dockerSchema(fields);
  return z
    .record(z.string(), z.unknown())
    .superRefine((given, context) => {
      for (const key of Object.keys(given).filter((one) => !(replaceKeys as readonly string[]).includes(one)))
        context.addIssue({ code: "custom", message: `known here: ${replaceKeys.join(", ")}`, path: [key] });
      for (const { path, message } of docker.safeParse(given).error?.issues ?? [])
        context.addIssue({ code: "custom", message, path: [...path] });
    })
    .describe("how the agents find and replace containers: keys of the docker target");
}

type Access = Pick<EtcdOptions, "nodes" | "user" | "password" | "tls" | "dialTimeout">;

export function accessOf({ nodes, user, password, tls, dialTimeout }: Access): EtcdSetting {
  const login = user !== undefined && password !== undefined ? { name: user, password } : undefined;
  return { nodes, user: login, tls, dialTimeoutMs: dialTimeout };
}
