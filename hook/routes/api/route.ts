import type { z } from "zod";
import type { ErrorCode } from "../../http/errors.ts";
import type { Caller } from "./caller.ts";
import type { Scope } from "./token.ts";

/**
 * One route of the API as a value: what it takes, what it answers, what it may fail with. Requests are checked,
 * answers are cut down to what the schema names, and the OpenAPI document is written from the same value.
 */
export interface ApiRoute {
  method: "GET" | "POST";
  /** `:service` and `:id` are the only parameters there are. */
  url: string;
  /** The operation's name in the OpenAPI document. */
  operation: string;
  summary: string;
  scope: Scope;
  query: z.ZodObject;
  /** A POST without one takes no body. */
  body: z.ZodObject | undefined;
  answer: Answer;
  errors: readonly ErrorCode[];
  /** Takes an `Idempotency-Key`. */
  idempotent: boolean;
  handle(call: Call): unknown;
}

export interface Answer {
  status: 200 | 202;
  schema: z.ZodObject;
  /** What the same route sends as `text/event-stream`: instead of JSON, or (`accept`) when it is asked for. */
  events?: { when: "always" | "accept"; description: string };
}

/** One request, checked. */
export interface Call {
  caller: Caller;
  params: Readonly<Record<string, string>>;
  query: unknown;
  body: unknown;
  /** `Last-Event-ID`, when it is a number. */
  lastEventId: number | undefined;
  idempotencyKey: string | undefined;
  acceptsEvents: boolean;
}

/** A route as it is written: with the types that its schemas give. */
export interface RouteDefinition<
  Query extends z.ZodObject,
  Body extends z.ZodObject,
  Shown extends z.ZodObject,
> {
  method: "GET" | "POST";
  url: string;
  operation: string;
  summary: string;
  scope: Scope;
  query: Query;
  body?: Body;
  answer: Answer & { schema: Shown };
  errors?: readonly ErrorCode[];
  idempotent?: boolean;
  handle(
    call: Omit<Call, "query" | "body"> & { query: z.output<Query>; body: z.output<Body> },
  ): z.input<Shown> | EventSource | Promise<z.input<Shown>>;
}

/** What is sent as `text/event-stream`. Asked for what is new, again and again, until it is over. */
export class EventSource {
  readonly next: () => { text: string; isOver: boolean };
  readonly pollMs: number | undefined;

  constructor(next: () => { text: string; isOver: boolean }, pollMs?: number) {
    this.next = next;
    this.pollMs = pollMs;
  }
}

export function defineRoute<Query extends z.ZodObject, Body extends z.ZodObject, Shown extends z.ZodObject>(
  definition: RouteDefinition<Query, Body, Shown>,
): ApiRoute {
  return {
    errors: [],
    idempotent: false,
    ...definition,
    body: definition.body,
    // What is handed over was checked with the very schemas that these types come from.
    handle: (call) => definition.handle(call as never),
  };
}
