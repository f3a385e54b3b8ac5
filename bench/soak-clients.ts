/** The clients of the soak test, beside wrk: each visit is a connection of its own, which ends in one of many ways. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { exchangeInput } from "../test/fuzz/exchange.ts";
import type { Random } from "../test/fuzz/random.ts";
import { rightRequests } from "../test/fuzz/requests.ts";
import { makeInput } from "../test/fuzz/wire.fuzz.ts";
import { RawClient, type RawResponse, requestText } from "../test/support/raw-http.ts";
import { pagePaths, type Sites } from "./sites.ts";

const bigFileMegabytes = 20;
const bigFileBytes = bigFileMegabytes * 1_000_000;
/** Longer than a visit, shorter than the load. */
const longestIdleMs = 20_000;

export interface Client {
  readonly count: number;
  visit(port: number, random: Random): Promise<void>;
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** Some requests over one connection, each made by `next` and its answer judged by `isRight`. */
async function converse(
  port: number,
  count: number,
  next: () => { text: string; isRight(response: RawResponse): boolean },
): Promise<void> {
  const client = await RawClient.open(port);
  for (let i = 0; i < count; i++) {
    const { text, isRight } = next();
    client.send(text);
    const [response] = await client.responses(1, [text.slice(0, text.indexOf(" "))]);
    if (response === undefined || !isRight(response))
      throw new Error(`${JSON.stringify(text)} was answered ${JSON.stringify(response)?.slice(0, 400)}`);
    client.received = Buffer.alloc(0);
  }
  client.close();
}

/** A Range field for the big file, and how many bytes of it that asks for; 0 for what is answered otherwise than by one part. */
function makeRange(random: Random): { field: string; length: number; status: number } {
  const start = random.below(bigFileBytes - 100_000);
  const length = 1 + random.below(90_000);
  const one = `bytes=${start}-${start + length - 1}`;
  if (random.chance(0.2)) return { field: `bytes=-${length}`, length, status: 206 };
  if (random.chance(0.2)) return { field: `${one},0-99,200-${200 + length}`, length: 0, status: 206 };
  if (random.chance(0.1)) return { field: `bytes=${bigFileBytes}-`, length: 0, status: 416 };
  return { field: one, length, status: 206 };
}

export function clientsOf(sites: Sites): Record<string, Client> {
  const bigFile = sites.bigFile(bigFileMegabytes);
  const pages = pagePaths(100);
  const ordinary = (random: Random) => {
    const method = random.chance(0.1) ? "HEAD" : "GET";
    // Many targets that are not there: what is remembered of them has to stay bounded.
    if (random.chance(0.2)) {
      const text = requestText(`/missing-${random.below(1_000_000)}`, [], method);
      return { text, isRight: ({ status }: RawResponse) => status === 404 };
    }
    const text = requestText(`${random.pick(pages)}?${random.below(1_000_000)}`, [], method);
    return { text, isRight: ({ status }: RawResponse) => status === 200 };
  };
  const ranges = (random: Random) => {
    const { field, length, status } = makeRange(random);
    const isRight = (response: RawResponse) =>
      response.status === status && (length === 0 || response.content.length === length);
    return { text: requestText(bigFile, [`Range: ${field}`]), isRight };
  };
  return {
    ordinary: {
      count: 8,
      visit: (port, random) => converse(port, 1 + random.below(50), () => ordinary(random)),
    },
    ranges: {
      count: 4,
      visit: (port, random) => converse(port, 1 + random.below(20), () => ranges(random)),
    },
    "aborted downloads": {
      count: 4,
      visit: async (port, random) => {
        const socket = await open(port);
        socket.write(requestText(bigFile));
        await once(socket, "data");
        if (random.chance(0.5)) socket.resetAndDestroy();
        else socket.destroy();
      },
    },
    "slow readers": {
      count: 20,
      visit: async (port, random) => {
        const socket = await open(port);
        socket.write(requestText(bigFile));
        for (let i = random.below(20); i >= 0; i--) {
          socket.once("data", () => socket.pause());
          socket.resume();
          await sleep(250);
        }
        socket.destroy();
      },
    },
    "slow writers": {
      count: 20,
      visit: async (port, random) => {
        const socket = await open(port);
        socket.resume();
        for (const character of requestText("/index.html").slice(random.below(20))) {
          if (socket.destroyed) return;
          socket.write(character);
          await sleep(random.below(200));
        }
        socket.destroy();
      },
    },
    idle: {
      count: 50,
      visit: async (port, random) => {
        const socket = await open(port);
        if (random.chance(0.7)) socket.write(requestText("/index.html"));
        socket.resume();
        await sleep(random.below(longestIdleMs));
        socket.destroy();
      },
    },
    garbage: {
      count: 8,
      visit: async (port, random) => {
        await exchangeInput(port, makeInput(random, rightRequests), { pauseMs: 2, silenceMs: 100 });
      },
    },
  };
}
