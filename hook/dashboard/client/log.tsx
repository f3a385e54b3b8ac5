import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { LogLine } from "./answers.ts";
import { formatClock } from "./format.ts";
import { follow } from "./stream.ts";

/** More than what is kept of a log can have: only what is followed while it is cut comes to more. */
const shownLines = 20_000;

/** What a deployment writes, as it writes it. */
export function Log({ id }: { id: number }) {
  const lines = useSignal<readonly LogLine[]>([]);
  const isOver = useSignal(false);
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useEffect(() => {
    let fresh: LogLine[] = [];
    let frame = 0;
    const show = () => {
      frame = 0;
      lines.value = [...lines.value, ...fresh].slice(-shownLines);
      fresh = [];
    };
    const stop = follow({
      path: `deployments/${id}/log`,
      events: {
        line: (data) => {
          fresh.push(data as LogLine);
          // A program that writes a thousand lines at once is drawn once.
          frame ||= requestAnimationFrame(show);
        },
        end: () => {
          isOver.value = true;
        },
      },
      last: "end",
    });
    return () => {
      stop();
      cancelAnimationFrame(frame);
    };
  }, [id]);
  useEffect(() => {
    if (isAtEnd.current && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [lines.value]);
  return (
    <section class="log" aria-labelledby={`log-${id}`}>
      <h3 id={`log-${id}`}>
        Log <small>{isOver.value ? "complete" : "live"}</small>
      </h3>
      <div
        ref={box}
        class={isOver.value ? "lines" : "lines live"}
        role="log"
        aria-label={`Log of deployment ${id}`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
        tabIndex={0}
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
          isAtEnd.current = scrollHeight - scrollTop - clientHeight < 24;
        }}
      >
        {isOver.value && lines.value.length === 0 && <p class="quiet">It has written nothing.</p>}
        {lines.value.map(({ sequence, at, line }) => (
          <div key={sequence}>
            <time dateTime={at}>{formatClock(at)}</time>
            <span>{line}</span>
          </div>
        ))}
      </div>
    </section>
  );
}
