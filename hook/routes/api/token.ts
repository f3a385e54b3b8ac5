import { z } from "zod";
import type { Fields } from "../../config/fields.ts";
import { fitsIntoHeader } from "../../config/secret-rules.ts";
import { hashedSecretSchema } from "../../config/url-secret.ts";
import type { SecretHash } from "../../secret/secret-hash.ts";

export const scopes = ["read", "deploy", "admin"] as const;

/** `read` looks, `deploy` also starts and stops deployments, `admin` also decides what may be deployed at all. */
export type Scope = (typeof scopes)[number];

export interface ApiToken {
  name: string;
  hash: SecretHash;
  scopes: readonly Scope[];
  /** The only services it is for; `undefined` when it is for all. */
  services: readonly string[] | undefined;
}

/** These stand where a token's name would stand, for what nobody asked for. */
const takenNames = ["webhook", "hook"];

function tokenSchema(fields: Fields) {
  return z
    .strictObject({
      name: z
        .string()
        .min(1, "is empty")
        .max(100, "is longer than 100 characters")
        .refine((name) => !takenNames.includes(name), "is what the hook calls itself; use another one")
        .describe("who uses this token, for the log"),
      token: hashedSecretSchema(fields, "the bearer token, or { sha256: <its hash> }", fitsIntoHeader),
      scopes: z
        .array(z.enum(scopes))
        .min(1, "must have at least one scope")
        .describe(`some of ${scopes.join(", ")}; each includes the ones before it`),
      services: z
        .array(z.string())
        .min(1, "must name at least one service, or be left out for all of them")
        .optional()
        .describe("the only services that it is for"),
    })
    .transform(({ token, services, ...rest }): ApiToken => ({ ...rest, hash: token, services }));
}

export function apiSchema(fields: Fields) {
  return z.strictObject({
    tokens: z
      .array(tokenSchema(fields))
      .refine(
        (tokens) => new Set(tokens.map(({ name }) => name)).size === tokens.length,
        "must each have a name of its own",
      )
      .describe("a list of { name, token, scopes }"),
  });
}

export function metricsSchema(fields: Fields) {
  return z.strictObject({
    token: hashedSecretSchema(
      fields,
      "the bearer token that /metrics asks for, or { sha256: <its hash> }",
      fitsIntoHeader,
    ),
  });
}
