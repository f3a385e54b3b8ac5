/** Clients that ask a page without pause, and count what was wrong with its answers. */
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

export interface PageLoad {
  /** How many answers each release gave. */
  shown: Map<string, number>;
  requests(): number;
  /** What went wrong, one line each. */
  failures: string[];
  stop(): Promise<void>;
}

/** A page whose every line is its release: one that is of two shows. */
export function pageOf(release: string): string {
  return `${release}\n`.repeat(20_000);
}

export function startPageLoad(url: string, clients = 4): PageLoad {
  const shown = new Map<string, number>();
  const failures: string[] = [];
  let count = 0;
  let isStopping = false;
  const client = async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!isStopping) {
      count += 1;
      const answer = await ask(url, agent).catch((error: Error) => ({ status: 0, body: error.message }));
      if (answer.status !== 200) failures.push(`${answer.status} ${answer.body.slice(0, 200)}`);
      else {
        const release = answer.body.slice(0, answer.body.indexOf("\n"));
        if (answer.body !== pageOf(release)) failures.push(`a page of ${release} and of something else`);
        shown.set(release, (shown.get(release) ?? 0) + 1);
      }
      // The machine has others at work as well, the hook among them.
      await sleep(2);
    }
    agent.destroy();
  };
  const running = Array.from({ length: clients }, client);
  return {
    shown,
    failures,
    requests: () => count,
    async stop() {
      isStopping = true;
      await Promise.all(running);
    },
  };
}

function ask(url: string, agent: Agent): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { agent, timeout: 5000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("latin1") }),
      );
    });
    asking.on("error", reject);
    asking.on("timeout", () => asking.destroy(new Error("no answer within 5 s")));
    asking.end();
  });
}
