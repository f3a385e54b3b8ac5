import { z } from "zod";
import type { Ended } from "../../store/statistics.ts";
import { requireService } from "./caller.ts";
import { type ApiRoute, defineRoute } from "./route.ts";
import { named, serviceNameSchema } from "./schemas.ts";
import type { ApiTools } from "./tools.ts";

const countSchema = {
  succeeded: z.int(),
  failed: z.int(),
  rolledBack: z.int(),
  pushToLiveMs: z
    .int()
    .nullable()
    .describe("the median time from the push, as its sender says, to the deployment's success"),
};
const daySchema = named(
  "Day",
  z.object({ day: z.string().describe("in UTC").meta({ format: "date" }), ...countSchema }),
);
export const statisticsSchema = named(
  "Statistics",
  z.object({
    days: z.array(daySchema).describe("oldest first, today last; those without a deployment too"),
    ...countSchema,
    successRate: z.number().nullable().describe("of those that were tried; null when none was"),
  }),
);
const statisticsQuery = z.strictObject({
  service: serviceNameSchema.optional(),
  days: z.coerce.number<string>().int().min(1).max(365).default(30),
});

const dayMs = 24 * 3_600_000;

export function statisticsRoutes({ store }: ApiTools): ApiRoute[] {
  return [
    defineRoute({
      method: "GET",
      url: "/api/statistics",
      operation: "readStatistics",
      summary: "How many deployments a day, how many of them well, and how long from push to live",
      scope: "read",
      query: statisticsQuery,
      answer: { status: 200, schema: statisticsSchema },
      handle({ caller, query: { service, days } }) {
        if (service !== undefined) requireService(caller, service);
        const services = service === undefined ? caller.services : [service];
        const firstDayMs = Math.floor(Date.now() / dayMs) * dayMs - (days - 1) * dayMs;
        return summarize(store.endedSince(firstDayMs, services), firstDayMs, days);
      },
    }),
  ];
}

export function summarize(
  ended: readonly Ended[],
  firstDayMs: number,
  days: number,
): z.input<typeof statisticsSchema> {
  const byDay = Map.groupBy(ended, ({ finishedAtMs }) => Math.floor((finishedAtMs - firstDayMs) / dayMs));
  const all = count(ended);
  const tried = all.succeeded + all.failed + all.rolledBack;
  return {
    days: Array.from({ length: days }, (_, index) => ({
      day: new Date(firstDayMs + index * dayMs).toISOString().slice(0, 10),
      ...count(byDay.get(index) ?? []),
    })),
    ...all,
    successRate: tried === 0 ? null : all.succeeded / tried,
  };
}

function count(ended: readonly Ended[]) {
  const of = (state: Ended["state"]) => ended.filter((one) => one.state === state);
  const succeeded = of("succeeded");
  const waits = succeeded.flatMap(({ pushedAtMs, finishedAtMs }) =>
    // A sender's clock may be ahead of ours.
    pushedAtMs === null || pushedAtMs > finishedAtMs ? [] : [finishedAtMs - pushedAtMs],
  );
  return {
    succeeded: succeeded.length,
    failed: of("failed").length,
    rolledBack: of("rolled-back").length,
    pushToLiveMs: median(waits),
  };
}

function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}
