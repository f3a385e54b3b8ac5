import { setTimeout as sleep } from "node:timers/promises";
import { type OwnCommand, UsageError } from "../command.ts";
import { exitStatus } from "../exit-status.ts";
import { clean, paint, print, printJsonLine, say } from "../terminal.ts";
import { formatClock } from "../time.ts";
import { type Client, UnreachableError } from "./client.ts";
import { apiCommand, servicePath } from "./command.ts";
import { NoStreamError, readEvents, type StreamedEvent } from "./event-stream.ts";
import { describeTrouble, followTimes, isTemporary } from "./follow.ts";
import type { ConfigLoaded, Hold, Transition } from "./objects.ts";
import { describeHold, styleOf } from "./wording.ts";

export const eventsCommand: OwnCommand = apiCommand({
  name: "events",
  takes: ["[service]"],
  summary: "Show every change of every deployment as it happens",
  details:
    "Goes on until Ctrl-C, over restarts of the hook too. Pauses, freezes and reloads are shown as well.",
  options: {
    after: { type: "string", value: "ID", summary: "begin after this event; 0 for all that there are" },
  },
  async run(client, { given, json, text }) {
    const after = text("after");
    if (after !== undefined && !/^\d{1,15}$/.test(after))
      throw new UsageError(`--after ${after} is no event's number`);
    if (given[0] !== undefined) await client.get(servicePath(given[0]));
    const leaving = new AbortController();
    process.once("SIGINT", () => leaving.abort());
    const query = { service: given[0], after };
    try {
      await followEvents(
        client,
        query,
        json ? ({ data }) => printJsonLine(data) : printEvent,
        leaving.signal,
      );
    } catch (error) {
      if (!leaving.signal.aborted) throw error;
    }
    return exitStatus.interrupted;
  },
});

/** Never ends by itself: throws when the hook refuses, or was gone for too long. */
async function followEvents(
  client: Client,
  query: { service: string | undefined; after: string | undefined },
  show: (event: StreamedEvent) => void,
  signal: AbortSignal,
): Promise<never> {
  const { patienceMs, pollMs, idleMs } = followTimes;
  let lastEventId: number | undefined;
  let troubleSinceMs: number | undefined;
  for (;;) {
    try {
      const stream = await client.open("api/events", { query, lastEventId, signal });
      troubleSinceMs = undefined;
      await readEvents(stream, {
        idleMs,
        onId: (id) => {
          lastEventId = id;
        },
        onEvent(event) {
          show(event);
          return true;
        },
      });
    } catch (error) {
      signal.throwIfAborted();
      // Not even once: then it is no restart.
      if (!isTemporary(error) || lastEventId === undefined) throw explain(error);
      if (troubleSinceMs === undefined) say(`${describeTrouble(error)}; trying again`);
      troubleSinceMs ??= performance.now();
      if (performance.now() - troubleSinceMs > patienceMs) throw explain(error);
    }
    await sleep(pollMs, undefined, { signal });
  }
}

function explain(error: unknown): unknown {
  if (error instanceof NoStreamError)
    return new UnreachableError("no events come through: is there a proxy in between that holds them back?");
  return error instanceof TypeError ? new UnreachableError(describeTrouble(error)) : error;
}

function printEvent({ name, data }: StreamedEvent): void {
  if (name === "transition") printTransition(data as Transition);
  else if (name === "hold") printHold(data as Hold);
  else if (name === "config") printConfigLoaded(data as ConfigLoaded);
}

function printHold(hold: Hold): void {
  const { stdout } = process;
  const style = hold.state === "active" ? "green" : "yellow";
  const clock = paint(formatClock(hold.at), "dim", stdout);
  print([clock, clean(hold.service), paint(clean(describeHold(hold)), style, stdout)].join("  "));
}

function printConfigLoaded({ configLoadedAt }: ConfigLoaded): void {
  print(`${paint(formatClock(configLoadedAt), "dim", process.stdout)}  the hook has loaded its config anew`);
}

function printTransition({ at, service, tag, deployment, state, reason }: Transition): void {
  const { stdout } = process;
  const words = [
    paint(formatClock(at), "dim", stdout),
    clean(service),
    clean(tag),
    `#${deployment}`,
    paint(clean(state), styleOf(state), stdout),
    ...(reason === null ? [] : [clean(reason)]),
  ];
  print(words.join("  "));
}
