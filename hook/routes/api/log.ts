import { z } from "zod";
import { isEnded, type LogLine } from "../../store/deployment.ts";
import { formatEvent } from "./event-stream.ts";
import { presentDeployment, presentLogLine } from "./present.ts";
import { type ApiRoute, defineRoute, EventSource } from "./route.ts";
import { deploymentSchema, logLineSchema, named } from "./schemas.ts";
import { type ApiTools, findDeployment } from "./tools.ts";

const logSchema = named(
  "DeploymentLog",
  z.object({ deployment: deploymentSchema, lines: z.array(logLineSchema) }),
);
const afterSchema = z.coerce.number<string>().int().min(0).max(Number.MAX_SAFE_INTEGER);
const logQuery = z.strictObject({
  after: afterSchema.default(0).describe("only lines with a greater sequence"),
});
const linesAtOnce = 500;
/** A deployment's lines come to the store every 250 ms, and nothing announces them. */
const pollMs = 250;

export function logRoutes(tools: ApiTools): ApiRoute[] {
  return [
    defineRoute({
      method: "GET",
      url: "/api/deployments/:id/log",
      operation: "readLog",
      summary: "What a deployment has written so far",
      scope: "read",
      query: logQuery,
      answer: {
        status: 200,
        schema: logSchema,
        events: {
          when: "accept",
          description:
            "`line` events (LogLine, its sequence as the event's id), `state` events (Deployment) at the start and whenever the state changes; ends after the deployment's last line with an `end` event (Deployment)",
        },
      },
      errors: ["deployment_not_found", "too_many_streams"],
      handle({ params, caller, query, acceptsEvents, lastEventId }) {
        const found = findDeployment(params["id"], caller, tools);
        if (acceptsEvents) return followLog(found.id, lastEventId ?? query.after, tools);
        const lines = tools.store.readLog(found.id, query.after);
        return { deployment: presentDeployment(found), lines: lines.map(presentLogLine) };
      },
    }),
  ];
}

function followLog(id: number, startAfter: number, { store }: ApiTools): EventSource {
  let after = startAfter;
  let shown = "";
  const next = () => {
    // Asked for before the lines: those of a deployment that is over are all there.
    const deployment = store.find(id);
    if (deployment === undefined) return { text: "", isOver: true };
    const { state, reason, waitingFor, attempt } = deployment;
    const found: LogLine[] = store.readLog(id, after, linesAtOnce);
    const lines = [...noteGap(after, found), ...found];
    after = lines.at(-1)?.sequence ?? after;
    const isOver = isEnded(deployment) && found.length < linesAtOnce;
    const data = presentDeployment(deployment);
    const current = JSON.stringify([state, reason, waitingFor, attempt]);
    const pieces = [
      ...(current === shown ? [] : [formatEvent({ event: "state", data })]),
      ...lines.map((line) => formatEvent({ id: line.sequence, event: "line", data: presentLogLine(line) })),
      ...(isOver ? [formatEvent({ event: "end", data })] : []),
    ];
    shown = current;
    return { text: pieces.join(""), isOver };
  };
  return new EventSource(next, pollMs);
}

/** What a program writes faster than it is followed may be cut out of the log before it was shown. */
function noteGap(after: number, [first]: readonly LogLine[]): LogLine[] {
  if (first === undefined || first.sequence === after + 1) return [];
  const count = (first.sequence - after - 1).toLocaleString("en");
  return [{ ...first, sequence: first.sequence - 1, line: `… ${count} lines are left out here` }];
}
