/** Visitors of a site, who ask for its page again and again, each time over a new connection. */
import { get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

export interface Visits {
  answered: number;
  failures: string[];
  /** Pages that were seen. */
  pages: Set<string>;
  /** The longest time from the start of a request that failed to the end of the next one that did not. */
  gapMs: number;
}

export interface Visitors {
  stop(): Promise<Visits>;
}

export function startVisitors(url: string, { count = 4, pauseMs = 2 } = {}): Visitors {
  const visits: Visits = { answered: 0, failures: [], pages: new Set(), gapMs: 0 };
  let isOver = false;
  let failingSinceMs: number | undefined;
  async function visit() {
    while (!isOver) {
      const startedMs = performance.now();
      try {
        visits.pages.add(await fetchPage(url));
        visits.answered++;
        if (failingSinceMs !== undefined)
          visits.gapMs = Math.max(visits.gapMs, performance.now() - failingSinceMs);
        failingSinceMs = undefined;
      } catch (error) {
        visits.failures.push((error as Error).message);
        failingSinceMs ??= startedMs;
      }
      await sleep(pauseMs);
    }
  }
  const all = Promise.all(Array.from({ length: count }, visit));
  return {
    async stop() {
      isOver = true;
      await all;
      return visits;
    },
  };
}

function fetchPage(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout: 15_000 }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.on("error", reject);
      response.on("end", () =>
        response.statusCode === 200
          ? resolve(body.trim())
          : reject(new Error(`status ${response.statusCode}`)),
      );
    });
    request.on("timeout", () => request.destroy(new Error("no answer within 15 s")));
    request.on("error", reject);
  });
}
