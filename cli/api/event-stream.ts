import { EventSourceParserStream } from "eventsource-parser/stream";

export interface StreamedEvent {
  name: string;
  data: unknown;
}

export interface EventReading {
  /** Ids come also without an event: where to go on after the connection is lost. */
  onId?(id: number): void;
  /** Says `false` when it has seen enough. */
  onEvent(event: StreamedEvent): boolean | undefined;
  /** The hook sends something at least every 15 s; when nothing comes for this long, nothing will. */
  idleMs: number;
}

/** Something between here and the hook holds the stream back, or does not let it through at all. */
export class NoStreamError extends Error {}

/** Reads until the stream ends or nothing comes any more; the caller decides what that means. */
export async function readEvents(response: Response, reading: EventReading): Promise<void> {
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  if (!isStream || response.body === null) {
    await response.body?.cancel();
    throw new NoStreamError();
  }
  const events = response.body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(watchIdle(reading.idleMs))
    .pipeThrough(new EventSourceParserStream({ onId: (id) => reading.onId?.(Number(id)) }));
  for await (const { event = "message", data } of events) {
    if (reading.onEvent({ name: event, data: JSON.parse(data) }) === false) return;
  }
}

function watchIdle(idleMs: number): TransformStream<string, string> {
  let timer: NodeJS.Timeout;
  const watch = (controller: TransformStreamDefaultController<string>) => {
    clearTimeout(timer);
    timer = setTimeout(() => controller.error(new NoStreamError()), idleMs).unref();
  };
  return new TransformStream({
    start: watch,
    transform(chunk, controller) {
      watch(controller);
      controller.enqueue(chunk);
    },
    flush: () => clearTimeout(timer),
  });
}
