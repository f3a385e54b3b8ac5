import { z } from "zod";
import type { Fields } from "../config/fields.ts";
import { alertmanager } from "./alertmanager.ts";
import { discord } from "./discord.ts";
import { email } from "./email.ts";
import type { EventName } from "./event.ts";
import {
  type Notifier,
  type NotifierSetting,
  type RegisteredNotifier,
  registerNotifier,
} from "./notifier.ts";
import { slack } from "./slack.ts";
import { webhook } from "./webhook.ts";

/** Every kind of notifier, by the key it has in the config. */
export const notifiers: readonly RegisteredNotifier[] = [
  registerNotifier(slack),
  registerNotifier(discord),
  registerNotifier(webhook),
  registerNotifier(email),
  registerNotifier(alertmanager),
];

/** A notifier of the config, and what it is told. */
export interface ConfiguredNotifier {
  name: string;
  events: readonly EventName[];
  /** A notification that could not be sent for this long is given up. */
  giveUpAfterMs: number;
  notifier: Notifier;
}

const notifierName = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** `notifiers: { ops: { slack: { url: … }, on: [failed, recovered] } }` */
export function notifiersSchema(fields: Fields) {
  return z
    .record(
      z
        .string()
        .regex(notifierName, "a notifier's name has small letters, digits, . _ and -, at most 63 of them"),
      notifierSchema(fields),
    )
    .describe("who is told of deployments, by name");
}

function notifierSchema(fields: Fields) {
  const oneOf = `exactly one of ${notifiers.map(({ name }) => name).join(", ")}`;
  const kinds = Object.fromEntries(notifiers.map((kind) => [kind.name, kind.schema(fields).optional()]));
  return z
    .strictObject({
      ...kinds,
      on: z
        .array(z.string())
        .min(1, "must name at least one event")
        .optional()
        .describe("the events it is told of"),
      giveUpAfter: fields.duration("how long it is tried to send a notification", {
        default: "24h",
        minimum: "1m",
        maximum: "168h",
      }),
    })
    .transform(({ on, giveUpAfter, ...rest }, context) => {
      const chosen = notifiers.filter(
        ({ name }) => (rest as Readonly<Record<string, unknown>>)[name] !== undefined,
      );
      const [kind] = chosen;
      if (kind === undefined || chosen.length > 1) {
        context.addIssue({ code: "custom", message: `must have ${oneOf}` });
        return z.NEVER;
      }
      const events = readEvents(on, kind);
      for (const [index, problem] of events.problems)
        context.addIssue({ code: "custom", path: ["on", index], message: problem });
      const create = (rest as Readonly<Record<string, unknown>>)[kind.name] as (
        setting: NotifierSetting,
      ) => Notifier;
      return { create, events: events.known, giveUpAfterMs: giveUpAfter };
    })
    .describe(`how to tell whom, ${oneOf}`);
}

function readEvents(
  on: readonly string[] | undefined,
  { events, defaultEvents, neededEvents }: RegisteredNotifier,
): { known: readonly EventName[]; problems: [index: number, problem: string][] } {
  const given = on ?? defaultEvents;
  const isPossible = (name: string): name is EventName => (events as readonly string[]).includes(name);
  const problems = given.flatMap((name, index): [number, string][] =>
    isPossible(name) ? [] : [[index, `must be one of ${events.join(", ")}`]],
  );
  return { known: [...new Set([...given.filter(isPossible), ...neededEvents])], problems };
}

type NotifiersData = z.output<ReturnType<typeof notifiersSchema>>;

export function setUpNotifiers(
  data: NotifiersData,
  deploymentsUrl: string | undefined,
): ReadonlyMap<string, ConfiguredNotifier> {
  const configured = Object.entries(data).map(([name, { create, events, giveUpAfterMs }]) => {
    const notifier = create({ name, deploymentsUrl });
    return [name, { name, events, giveUpAfterMs, notifier }] as const;
  });
  return new Map(configured);
}
