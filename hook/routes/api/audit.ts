import { z } from "zod";
import { requireService } from "./caller.ts";
import { presentAuditEntry } from "./present.ts";
import { type ApiRoute, defineRoute } from "./route.ts";
import { auditEntrySchema, idSchema, named, serviceNameSchema } from "./schemas.ts";
import type { ApiTools } from "./tools.ts";

const auditSchema = named(
  "AuditPage",
  z.object({
    entries: z.array(auditEntrySchema),
    next: z.int().nullable().describe("`before` for the next page; null on the last one"),
  }),
);
const auditQuery = z.strictObject({
  service: serviceNameSchema.optional(),
  before: idSchema.optional().describe("only those with a smaller id"),
  limit: z.coerce.number<string>().int().min(1).max(200).default(50),
});

export function auditRoutes({ store }: ApiTools): ApiRoute[] {
  return [
    defineRoute({
      method: "GET",
      url: "/api/audit",
      operation: "listAudit",
      summary: "Who did what, newest first",
      scope: "admin",
      query: auditQuery,
      answer: { status: 200, schema: auditSchema },
      handle({ caller, query }) {
        const { service, before, limit } = query;
        if (service !== undefined) requireService(caller, service);
        const services = service === undefined ? caller.services : [service];
        const found = store.listAudit({ services, before, limit: limit + 1 });
        const page = found.slice(0, limit);
        const next = found.length > limit ? (page.at(-1)?.id ?? null) : null;
        return { entries: page.map(presentAuditEntry), next };
      },
    }),
  ];
}
