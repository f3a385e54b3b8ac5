import { z } from "zod";
import { type Caller, mayUse, requireService } from "./caller.ts";
import { formatEvent } from "./event-stream.ts";
import { watchHolds } from "./hold.ts";
import { isoTime, presentTransition } from "./present.ts";
import { type ApiRoute, defineRoute, EventSource } from "./route.ts";
import { serviceNameSchema, transitionSchema } from "./schemas.ts";
import type { ApiTools } from "./tools.ts";

const transitionsAtOnce = 200;
const eventsQuery = z.strictObject({
  service: serviceNameSchema.optional(),
  after: z.coerce
    .number<string>()
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe(
      "begin after this transition; without it and without Last-Event-ID, with what happens from now on",
    ),
});

export function eventRoutes(tools: ApiTools): ApiRoute[] {
  return [
    defineRoute({
      method: "GET",
      url: "/api/events",
      operation: "followEvents",
      summary: "What happens to deployments and services, as it happens",
      scope: "read",
      query: eventsQuery,
      answer: {
        status: 200,
        schema: transitionSchema,
        events: {
          when: "always",
          description:
            "`transition` events (Transition) for every change of a deployment's state, its id as the event's id: a client that comes back with it as Last-Event-ID misses none, also after a restart of the hook. `hold` events (Hold), when a service is paused, resumed, frozen or unfrozen, or a freeze ends, and `config` events (ConfigLoaded), when the hook has loaded its config anew: both have no id and say how it is from now on, so a client that comes back looks at the services once",
        },
      },
      errors: ["too_many_streams"],
      handle({ caller, query, lastEventId }) {
        if (query.service !== undefined) requireService(caller, query.service);
        const after = lastEventId ?? query.after ?? tools.store.lastTransitionId();
        return followEverything(after, (service) => isWanted(service, query.service, caller), tools);
      },
    }),
  ];
}

type Filter = (service: string) => boolean;

function isWanted(service: string, asked: string | undefined, caller: Caller): boolean {
  return mayUse(caller, service) && (asked === undefined || asked === service);
}

function followEverything(startAfter: number, isShown: Filter, tools: ApiTools): EventSource {
  // An id without data is remembered by the client: it can come back to here although nothing has happened yet.
  let opening = `id: ${startAfter}\n\n`;
  const parts = [
    followConfig(tools),
    followHolds(isShown, tools),
    followTransitions(startAfter, isShown, tools),
  ];
  return new EventSource(() => {
    const text = opening + parts.map((next) => next()).join("");
    opening = "";
    return { text, isOver: false };
  });
}

/** The process's own config: what another process on the same store goes by is not known here. */
function followConfig({ live }: ApiTools): () => string {
  let known = live.current;
  return () => {
    if (live.current === known) return "";
    known = live.current;
    return formatEvent({ event: "config", data: { configLoadedAt: isoTime(Date.now()) } });
  };
}

/** Without an id: of what is so now there is nothing to go on from. */
function followHolds(isShown: Filter, { live, store }: ApiTools): () => string {
  const look = watchHolds(() => store.listServiceStates());
  return () =>
    look(Date.now())
      .filter(({ service }) => isShown(service) && live.current.services.has(service))
      .map((data) => formatEvent({ event: "hold", data }))
      .join("");
}

function followTransitions(startAfter: number, isShown: Filter, { store }: ApiTools): () => string {
  let after = startAfter;
  return () => {
    const found = store.transitionsAfter(after, transitionsAtOnce);
    after = found.at(-1)?.id ?? after;
    const text = found
      .filter(({ service }) => isShown(service))
      .map((transition) => {
        const data = presentTransition(transition, store.find(transition.deployment)?.tag ?? "");
        return formatEvent({ id: transition.id, event: "transition", data });
      })
      .join("");
    // Also when none was for this client: there may be more behind them.
    return text === "" && found.length === transitionsAtOnce ? `id: ${after}\n\n` : text;
  };
}
