import { z } from "zod";
import type { Fields } from "../../config/fields.ts";
import { tlsSchema } from "../../http/tls.ts";

export type ConsulOptions = z.output<ReturnType<typeof consulSchema>>;

export function consulSchema(fields: Fields) {
  return z.strictObject({
    address: addressField.default("http://127.0.0.1:8500"),
    key: z
      .string()
      .regex(/^[^/].*[^/]$/s, "a key neither starts nor ends with a slash")
      .optional()
      .describe("the key to write; configs/<repository>/IMAGE_TAG when left out"),
    token: fields.secret("an ACL token with key:write on the key").optional(),
    datacenter: z.string().min(1).optional().describe("the datacenter whose store is meant"),
    tls: tlsSchema(fields).optional(),
    lock: lockField(fields).optional(),
    wait: waitField(fields).optional(),
    timeout: fields.duration("how long the agent may take", { default: "10s", minimum: "1s", maximum: "5m" }),
  });
}

const addressField = z
  .string()
  .refine((text) => {
    const url = URL.parse(text);
    return (
      url !== null && /^https?:$/.test(url.protocol) && url.pathname === "/" && !url.search && !url.username
    );
  }, "must be http://host:port or https://host:port, with nothing after it")
  .describe("the agent's address, such as http://127.0.0.1:8500");

const keyField = z.string().regex(/^[^/].*[^/]$/s, "a key neither starts nor ends with a slash");

function lockField(fields: Fields) {
  return z
    .strictObject({
      key: keyField
        .optional()
        .describe("the key that is locked; the written one with .lock behind it when left out"),
      ttl: fields.duration("how long Consul waits for a silent hook before another one may have the lock", {
        default: "15s",
        minimum: "10s",
        maximum: "24h",
      }),
      timeout: fields.duration("how long to wait for the lock", {
        default: "5m",
        minimum: "1s",
        maximum: "24h",
      }),
    })
    .describe("a lock that several hooks agree by");
}

export type LockOptions = z.output<ReturnType<typeof lockField>>;

function waitField(fields: Fields) {
  const names = ["tag", "digest"];
  return z
    .strictObject({
      service: z.string().min(1, "is empty").describe("the service's name in Consul"),
      tag: fields
        .template("the tag that an instance of the release has; it may have the name of the tag in it", names)
        .optional(),
      meta: z
        .string()
        .min(1, "is empty")
        .optional()
        .describe("the key of an instance's meta that has the release's tag"),
      instances: z
        .int()
        .min(1)
        .max(10_000)
        .optional()
        .describe("how many there have to be; as many as before when left out"),
      stable: fields.duration("how long the service has to stay healthy", {
        default: "3s",
        minimum: "0s",
        maximum: "1h",
      }),
      timeout: fields.duration("how long the service may take until it is healthy", {
        default: "5m",
        minimum: "1s",
        maximum: "24h",
      }),
    })
    .refine(
      ({ tag, meta }) => (tag === undefined) !== (meta === undefined),
      "needs a tag or a meta, by which instances of the release are told",
    )
    .describe("the service that has to be healthy with the release");
}

export type WaitOptions = z.output<ReturnType<typeof waitField>>;
