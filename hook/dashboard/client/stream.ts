import { signal } from "@preact/signals";

/** Whether what is shown follows what happens; not while the hook is away. */
export const isFollowing = signal(true);

export interface StreamOptions {
  path: string;
  /** Events by their name; `id` is what the stream goes on after, when it has to be opened again. */
  events: Readonly<Record<string, (data: unknown) => void>>;
  /** The last of these ends the stream. */
  last?: string;
}

const firstPauseMs = 500;
const longestPauseMs = 10_000;

/**
 * Follows a stream until it is told to stop. A browser's own EventSource gives up when it is answered anything but
 * 200, as by a proxy while the hook starts again: here it is opened anew, after the last event that arrived. Nothing is
 * followed while nobody looks: a browser has six connections to a host, for all of its tabs together.
 */
export function follow({ path, events, last }: StreamOptions): () => void {
  let source: EventSource | undefined;
  let lastId = "";
  let pauseMs = firstPauseMs;
  let timer = 0;
  let isOver = false;

  function open(): void {
    if (isOver || source !== undefined || document.hidden) return;
    const url = new URL(`../api/${path}`, location.href);
    if (lastId !== "") url.searchParams.set("after", lastId);
    source = new EventSource(url);
    source.onopen = () => {
      pauseMs = firstPauseMs;
      isFollowing.value = true;
    };
    source.onerror = reopen;
    // An event without a name carries the id to go on from, before anything has happened.
    source.onmessage = remember;
    for (const [name, handle] of Object.entries(events)) {
      source.addEventListener(name, (event) => {
        remember(event);
        if (name === last) stop();
        handle(JSON.parse(event.data));
      });
    }
  }

  function remember({ lastEventId }: MessageEvent): void {
    if (lastEventId !== "") lastId = lastEventId;
  }

  function reopen(): void {
    close();
    if (isOver) return;
    isFollowing.value = false;
    timer = window.setTimeout(open, pauseMs);
    pauseMs = Math.min(pauseMs * 2, longestPauseMs);
  }

  function close(): void {
    clearTimeout(timer);
    source?.close();
    source = undefined;
  }

  function turn(): void {
    if (document.hidden) close();
    else open();
  }

  function stop(): void {
    isOver = true;
    close();
    document.removeEventListener("visibilitychange", turn);
  }

  document.addEventListener("visibilitychange", turn);
  open();
  return stop;
}
