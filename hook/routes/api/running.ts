import { z } from "zod";
import { healthStates } from "../../inspect/health.ts";
import type { Service } from "../../service.ts";
import { mayUse } from "./caller.ts";
import { isoTime } from "./present.ts";
import { type ApiRoute, defineRoute } from "./route.ts";
import { named, noQuery, timeSchema } from "./schemas.ts";
import type { ApiTools } from "./tools.ts";

export const runningSchema = named(
  "Running",
  z.object({
    service: z.string(),
    deployment: z.int().nullable().describe("the last that succeeded: what should run"),
    health: z
      .enum([...healthStates, "pending", "nothing"])
      .describe("`pending`: it is being looked up; `nothing`: no release has been deployed yet"),
    healthDetail: z.string().nullable().describe("what was seen"),
    checkedAt: timeSchema.nullable(),
    imageBytes: z
      .int()
      .nullable()
      .describe("of the image's compressed layers; null when the registry is not asked or does not say"),
  }),
);
const answerSchema = named(
  "RunningServices",
  z.object({
    services: z.array(runningSchema),
    isPending: z.boolean().describe("something is being looked up: ask again in a second"),
  }),
);

export function runningRoutes(tools: ApiTools): ApiRoute[] {
  return [
    defineRoute({
      method: "GET",
      url: "/api/running",
      operation: "listRunning",
      summary:
        "How what runs does now, and how large it is; looked up at most every 15 s, when somebody asks",
      scope: "read",
      query: noQuery,
      answer: { status: 200, schema: answerSchema },
      handle({ caller }) {
        const services = [...tools.live.current.services.values()];
        const shown = services
          .filter(({ name }) => mayUse(caller, name))
          .map((one) => presentOne(one, tools));
        return {
          services: shown.map(({ running }) => running),
          isPending: shown.some(({ isPending }) => isPending),
        };
      },
    }),
  ];
}

function presentOne(service: Service, { inspection }: ApiTools) {
  const { release, health, imageBytes } = inspection.inspect(service);
  const isPending = release !== undefined && (health === undefined || imageBytes === undefined);
  const unknown = release === undefined ? ("nothing" as const) : ("pending" as const);
  const running: z.input<typeof runningSchema> = {
    service: service.name,
    deployment: release?.id ?? null,
    health: health?.value.state ?? unknown,
    healthDetail: health?.value.detail ?? null,
    checkedAt: health === undefined ? null : isoTime(health.atMs),
    imageBytes: imageBytes ?? null,
  };
  return { running, isPending };
}
