import { z } from "zod";
import type { Fields } from "../config/fields.ts";
import { type Scope, scopes } from "../routes/api/token.ts";

/** `dashboard` of the config. */
export interface DashboardSetting {
  enabled: boolean;
  /** How long somebody stays signed in. */
  sessionMs: number;
  proxy: ProxySetting | undefined;
}

/** Users are known by a header that a trusted proxy adds once it has found out who they are. */
export interface ProxySetting {
  /** In small letters. */
  header: string;
  /** What everybody may whom the proxy lets through; without it, only those in `users` get in. */
  scope: Scope | undefined;
  users: Readonly<Record<string, Scope>>;
}

/** What a proxy says of the request itself would be taken for a user's name. */
const otherHeaders = /^(?:authorization|cookie|host|forwarded|origin|x-forwarded-(?:for|proto|host|port))$/i;

function proxySchema() {
  return z
    .strictObject({
      header: z
        .string()
        .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "not a header's name")
        .refine((name) => !otherHeaders.test(name), "is never a user's name; take one such as Remote-User")
        .transform((name) => name.toLowerCase())
        .describe("the header with the user's name, such as Remote-User"),
      scope: z.enum(scopes).optional().describe("what everybody may whom the proxy lets through"),
      users: z
        .record(z.string().min(1).max(100), z.enum(scopes))
        .default({})
        .describe("what these may, by name: { anna: admin }"),
    })
    .refine(
      ({ scope, users }) => scope !== undefined || Object.keys(users).length > 0,
      "lets nobody in: give `scope`, `users` or both",
    )
    .transform(({ scope, ...rest }): ProxySetting => ({ ...rest, scope }));
}

export function dashboardSchema(fields: Fields) {
  return z
    .strictObject({
      enabled: z.boolean().default(true).describe("whether the hook serves its dashboard"),
      session: fields.duration("how long somebody stays signed in", {
        default: "7d",
        minimum: "1m",
        maximum: "90d",
      }),
      proxy: proxySchema()
        .optional()
        .describe("users whom a reverse proxy vouches for: { header, scope, users }"),
    })
    .transform(({ enabled, session, proxy }): DashboardSetting => ({ enabled, sessionMs: session, proxy }));
}
