import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";
import { HttpError } from "../../http/errors.ts";
import type { EventSource } from "./route.ts";

export interface EventStreamOptions {
  /** More than this many at once are refused: each takes a socket and a query a second. */
  maximum: number;
  /** A comment is sent when nothing else was for this long, so that no proxy takes the stream for dead. */
  heartbeatMs: number;
  /** How often it is looked for what another process has written. */
  pollMs: number;
}

export const defaultEventStreamOptions: EventStreamOptions = {
  maximum: 64,
  heartbeatMs: 15_000,
  pollMs: 1000,
};

/** The open streams of `text/event-stream`. */
export interface EventStreams {
  send(reply: FastifyReply, source: EventSource, isStillAllowed: () => boolean): FastifyReply;
  /** Something was written: every stream looks for what is new. */
  wake(): void;
  /** Ends them all, and lets no other begin. */
  end(): void;
}

export function createEventStreams(options: EventStreamOptions): EventStreams {
  const open = new Set<AbortController>();
  const alarm = new EventEmitter().setMaxListeners(0);
  let isEnding = false;

  function send(reply: FastifyReply, source: EventSource, isStillAllowed: () => boolean): FastifyReply {
    if (isEnding || open.size >= options.maximum) throw new HttpError("too_many_streams");
    const controller = new AbortController();
    open.add(controller);
    reply.raw.once("close", () => {
      controller.abort();
      open.delete(controller);
    });
    const pieces = follow(source, { ...options, alarm, signal: controller.signal, isStillAllowed });
    return reply
      .type("text/event-stream")
      .header("connection", "close")
      .header("x-accel-buffering", "no")
      .send(Readable.from(pieces));
  }

  return {
    send,
    wake: () => void alarm.emit("wake"),
    end() {
      isEnding = true;
      for (const controller of open) controller.abort();
    },
  };
}

interface Following extends EventStreamOptions {
  alarm: EventEmitter;
  signal: AbortSignal;
  /** Asked at every heartbeat: a token may have been taken out of the config meanwhile. */
  isStillAllowed(): boolean;
}

/** Reads no further ahead than the client does: what it has not taken yet stays in the store. */
async function* follow(source: EventSource, following: Following): AsyncGenerator<string> {
  const { heartbeatMs, signal } = following;
  yield ": statigo\n\n";
  let sentAtMs = performance.now();
  while (!signal.aborted) {
    const { text, isOver } = source.next();
    if (text !== "") {
      yield text;
      sentAtMs = performance.now();
    }
    if (isOver) return;
    if (text !== "") continue;
    if (performance.now() - sentAtMs >= heartbeatMs) {
      if (!following.isStillAllowed()) return;
      yield ": still here\n\n";
      sentAtMs = performance.now();
    }
    await untilWoken(following, source.pollMs ?? following.pollMs);
  }
}

function untilWoken({ alarm, signal, heartbeatMs }: Following, pollMs: number): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      alarm.off("wake", end);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, Math.min(pollMs, heartbeatMs));
    alarm.once("wake", end);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}

export interface ServerSentEvent {
  id?: number;
  event?: string;
  data: unknown;
}

/** JSON has no line breaks of its own, so one `data` line is enough. */
export function formatEvent({ id, event, data }: ServerSentEvent): string {
  const lines = [
    ...(id === undefined ? [] : [`id: ${id}`]),
    ...(event === undefined ? [] : [`event: ${event}`]),
    `data: ${JSON.stringify(data)}`,
  ];
  return `${lines.join("\n")}\n\n`;
}
