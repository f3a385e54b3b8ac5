import { z } from "zod";
import type { Deployment } from "../../store/deployment.ts";
import { mayUse } from "./caller.ts";
import { isoTime } from "./present.ts";
import { type ApiRoute, defineRoute } from "./route.ts";
import { named, stateSchema, timeSchema } from "./schemas.ts";
import type { ApiTools } from "./tools.ts";

export const recentSchema = named(
  "RecentDeployment",
  z.object({
    id: z.int(),
    tag: z.string(),
    state: stateSchema,
    acceptedAt: timeSchema,
    durationMs: z.int().nullable().describe("from its first start to its end"),
  }),
);
const answerSchema = named(
  "RecentDeployments",
  z.object({
    services: z.array(
      z.object({ service: z.string(), deployments: z.array(recentSchema).describe("newest first") }),
    ),
  }),
);
const recentQuery = z.strictObject({
  each: z.coerce.number<string>().int().min(1).max(50).default(15).describe("how many of each service"),
});

export function recentRoutes({ live, store }: ApiTools): ApiRoute[] {
  return [
    defineRoute({
      method: "GET",
      url: "/api/recent",
      operation: "listRecent",
      summary: "The last deployments of every service, in short",
      scope: "read",
      query: recentQuery,
      answer: { status: 200, schema: answerSchema },
      handle({ caller, query: { each } }) {
        const names = [...live.current.services.keys()].filter((name) => mayUse(caller, name));
        const services = names.map((service) => {
          const deployments = store.list({ services: [service], limit: each }).map(presentMark);
          return { service, deployments };
        });
        return { services };
      },
    }),
  ];
}

function presentMark(deployment: Deployment): z.input<typeof recentSchema> {
  const { id, tag, state, acceptedAtMs, firstStartedAtMs, finishedAtMs } = deployment;
  const isTimed = firstStartedAtMs !== null && finishedAtMs !== null;
  const durationMs = isTimed ? Math.max(0, finishedAtMs - firstStartedAtMs) : null;
  return { id, tag, state, acceptedAt: isoTime(acceptedAtMs), durationMs };
}
