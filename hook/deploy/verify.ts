import { z } from "zod";
import type { Fields } from "../config/fields.ts";
import type { Template } from "../config/template.ts";
import { tlsSchema } from "../http/tls.ts";
import type { StatusRange } from "./probe.ts";

/** The health gate of a service: how to find out that a release is up. */
export type Gate = z.output<ReturnType<typeof verifySchema>>;

/** What a probe's texts may name. */
const names = ["tag", "digest"] as const;

/** `verify: { url, status, body, … }` of a service. */
export function verifySchema(fields: Fields) {
  return z
    .strictObject({
      url: urlField(fields),
      method: z.enum(["GET", "HEAD"]).default("GET").describe("GET or HEAD"),
      headers: z
        .record(
          z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "not a header's name"),
          fields.secret("its value", fitsInHeader),
        )
        .default({})
        .describe("more headers for the request, such as { host: blog.example }"),
      status: statusField,
      body: fields.template(`a text that the body must have, such as 'version \${tag}'`, names).optional(),
      pattern: fields.template("a regular expression that the body must match", names).optional(),
      header: z
        .strictObject({
          name: z.string().min(1, "is empty").describe("the header's name"),
          value: fields.template(`its whole value, such as \${tag}`, names),
        })
        .optional()
        .describe("a header that the answer must have"),
      successes: z.int().min(1).max(100).default(1).describe("how many good answers in a row are enough"),
      delay: fields.duration("how long to wait before the first request", {
        default: "0s",
        minimum: "0s",
        maximum: "1h",
      }),
      every: fields.duration("how long to wait between two requests", {
        default: "2s",
        minimum: "10ms",
        maximum: "10m",
      }),
      answer: fields.duration("how long one answer may take", {
        default: "5s",
        minimum: "10ms",
        maximum: "5m",
      }),
      timeout: fields.duration("how long the release may take until it is healthy", {
        default: "1m",
        minimum: "100ms",
        maximum: "24h",
      }),
      redirects: z.int().min(0).max(10).default(0).describe("how many redirects to follow"),
      rollback: z
        .boolean()
        .default(true)
        .describe("whether to go back to the last good release when it is not healthy"),
      tls: tlsSchema(fields).optional(),
    })
    .refine(
      ({ method, body, pattern }) => method === "GET" || (body === undefined && pattern === undefined),
      "an answer to HEAD has no body: leave `method` out, or `body` and `pattern`",
    )
    .refine(({ pattern }) => pattern === undefined || isPattern(pattern), {
      error: "not a regular expression",
      path: ["pattern"],
    });
}

function fitsInHeader(value: string): string | undefined {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value) ? undefined : "has characters that no header may have";
}

/** A tag comes from a webhook: it may say which page to ask for, never which host. */
function urlField(fields: Fields) {
  return fields
    .template("the URL to ask, such as https://blog.example/version.txt", names)
    .refine((template) => {
      const [one, other] = ["a", "b"].map((value) => URL.parse(template.fill({ tag: value, digest: value })));
      if (one == null || other == null || !/^https?:$/.test(one.protocol)) return false;
      return one.origin === other.origin && one.username === "" && one.password === "";
    }, `must be an http or https URL without a user; \${tag} and \${digest} may stand after the host`);
}

const statusNumber = z.int().min(100).max(599);
const statusRange = z
  .string()
  .regex(/^[1-5]\d\d-[1-5]\d\d$/, "must be a status such as 200, or a range such as 200-299");

const statusField = z
  .union([statusNumber, statusRange, z.array(z.union([statusNumber, statusRange])).min(1)])
  .default("200-299")
  .transform((given): StatusRange[] =>
    [given].flat().map((one) => {
      const [first = 0, last = first] = String(one).split("-").map(Number);
      return [first, last];
    }),
  )
  .describe("the status, or a range, or a list of them, that is good");

function isPattern(template: Template): boolean {
  try {
    return new RegExp(template.fill({ tag: "a", digest: "a" })) instanceof RegExp;
  } catch {
    return false;
  }
}
