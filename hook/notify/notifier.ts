import type { ZodType } from "zod";
import type { Fields } from "../config/fields.ts";
import type { CheckContext, CheckResult } from "../target/target.ts";
import { type DeploymentEvent, defaultEvents, type EventName, eventNames } from "./event.ts";

export type SendResult =
  | { ok: true }
  | {
      ok: false;
      /** Says what went wrong and what to do next, and repeats nothing secret. */
      problem: string;
      /** Worth another try. */
      isTemporary: boolean;
      /** How long the receiver wants to be left alone. */
      retryAfterMs?: number;
    };

export interface SendContext {
  signal: AbortSignal;
  /** The same each time this notification is tried, and no other's: receivers can tell a repetition by it. */
  messageId: string;
}

/** A way to reach people or programs, as the config has set it up. */
export interface Notifier {
  /** Of the kind, such as `slack`. */
  kind: string;
  send(event: DeploymentEvent, context: SendContext): Promise<SendResult>;
  /** Whether it could send, found out without sending; left out where nobody can tell. */
  check?(context: CheckContext): Promise<CheckResult>;
}

/** What a notifier may know of its surroundings when it is set up. */
export interface NotifierSetting {
  /** Its name in the config. */
  name: string;
  /** Below it, people find each deployment under its number; unknown without `publicUrl`. */
  deploymentsUrl: string | undefined;
}

/** A kind of notifier: its options in the config, and how one is made of them. Registered in `notify/index.ts`. */
export interface NotifierKind<Options> {
  name: string;
  /** All of them, when left out. */
  events?: readonly EventName[];
  defaultEvents?: readonly EventName[];
  /** Told also when `on` leaves them out: without these the others would make no sense. */
  neededEvents?: readonly EventName[];
  schema(fields: Fields): ZodType<Options>;
  create(options: Options, setting: NotifierSetting): Omit<Notifier, "kind">;
}

/** Keeps the options' type between `schema` and `create` while the registry holds kinds of different options. */
export interface RegisteredNotifier {
  name: string;
  events: readonly EventName[];
  defaultEvents: readonly EventName[];
  neededEvents: readonly EventName[];
  schema(fields: Fields): ZodType<(setting: NotifierSetting) => Notifier>;
}

export function registerNotifier<Options>(kind: NotifierKind<Options>): RegisteredNotifier {
  return {
    name: kind.name,
    events: kind.events ?? eventNames,
    defaultEvents: kind.defaultEvents ?? defaultEvents,
    neededEvents: kind.neededEvents ?? [],
    schema: (fields) =>
      kind.schema(fields).transform((options) => (setting: NotifierSetting) => ({
        kind: kind.name,
        ...kind.create(options, setting),
      })),
  };
}
