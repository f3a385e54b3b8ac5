import { type Option, type OwnCommand, UsageError } from "../command.ts";
import { exitStatus } from "../exit-status.ts";
import { clean, print, printJson } from "../terminal.ts";
import { formatTime, readUntil } from "../time.ts";
import type { Client } from "./client.ts";
import { apiCommand, type CommandCall, servicePath } from "./command.ts";
import type { Service } from "./objects.ts";

const reasonOption: Record<string, Option> = {
  reason: { type: "string", short: "r", value: "TEXT", summary: "why, for whoever reads it later" },
};

export const pauseCommand: OwnCommand = apiCommand({
  name: "pause",
  takes: ["<service>"],
  summary: "Keep what comes in waiting, until the service is resumed",
  options: reasonOption,
  run: (client, call) => ask(client, call, "pause", { reason: call.text("reason") }),
});

export const resumeCommand: OwnCommand = apiCommand({
  name: "resume",
  takes: ["<service>"],
  summary: "End a pause",
  run: (client, call) => ask(client, call, "resume", {}),
});

export const freezeCommand: OwnCommand = apiCommand({
  name: "freeze",
  takes: ["<service>"],
  summary: "Keep what comes in waiting until a time",
  options: {
    until: {
      type: "string",
      short: "u",
      value: "TIME",
      summary: "12h, 3d, 2026-12-24, '2026-12-24 18:00' (here) or a time with its offset",
    },
    ...reasonOption,
  },
  run: (client, call) => {
    const typed = call.text("until");
    if (typed === undefined) throw new UsageError("until when? Say it with --until, such as --until 12h");
    const until = readUntil(typed);
    if (until === undefined)
      throw new UsageError(
        `--until ${typed} is neither a duration such as 12h nor a time such as '2026-12-24 18:00'`,
      );
    return ask(client, call, "freeze", { until, reason: call.text("reason") });
  },
});

export const unfreezeCommand: OwnCommand = apiCommand({
  name: "unfreeze",
  takes: ["<service>"],
  summary: "End a freeze",
  run: (client, call) => ask(client, call, "unfreeze", {}),
});

async function ask(client: Client, call: CommandCall, action: string, body: object): Promise<number> {
  const service = await client.post<Service>(`${servicePath(call.given[0])}/${action}`, body);
  if (call.json) printJson(service);
  else print(clean(describeHold(service)));
  return exitStatus.done;
}

/** A service may be frozen and paused: both are said. */
function describeHold({ name, state, frozenUntil }: Service): string {
  const holds = [
    ...(state === "paused" ? ["paused until it is resumed"] : []),
    ...(frozenUntil === null ? [] : [`frozen until ${formatTime(frozenUntil)}`]),
  ];
  return `${name} is ${holds.length === 0 ? "active" : holds.join(" and ")}`;
}
