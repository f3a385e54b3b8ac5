/** Sends an input over a connection of its own and takes what comes back, until the server ends it. */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Input } from "./input.ts";

export interface Pace {
  /** Between parts: long enough for the server to read each by itself. */
  readonly pauseMs: number;
  /** Without a byte for so long, the server is taken to be waiting, and told that nothing more comes. */
  readonly silenceMs: number;
}

/** What a server answered, the dates taken out. */
export interface Answer {
  readonly bytes: string;
  readonly ended: "closed" | "reset" | "hung";
}

const hangMs = 8_000;
/** What follows every input: whatever it left open, the connection ends. */
const last = "GET /empty.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

export async function exchangeInput(port: number, input: Input, pace: Pace): Promise<Answer> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
  const chunks: Buffer[] = [];
  let lastAt = performance.now();
  let ended: Answer["ended"] | undefined;
  socket.on("data", (chunk) => {
    chunks.push(chunk);
    lastAt = performance.now();
  });
  socket.on("error", () => {
    ended ??= "reset";
  });
  socket.on("end", () => {
    ended ??= "closed";
  });
  const closed = once(socket, "close");
  for (const part of [...input.slice(0, -1), `${input.at(-1) ?? ""}${last}`]) {
    socket.write(Buffer.from(part, "latin1"));
    if (input.length > 1) await sleep(pace.pauseMs);
  }
  const startedAt = performance.now();
  lastAt = startedAt;
  while (ended === undefined && performance.now() - startedAt < hangMs) {
    await Promise.race([closed, sleep(Math.min(20, pace.silenceMs))]);
    if (performance.now() - lastAt > pace.silenceMs && !socket.writableEnded) socket.end();
  }
  socket.destroy();
  const bytes = Buffer.concat(chunks).toString("latin1");
  return { bytes: bytes.replaceAll(/^Date: [^\r]*/gm, "Date: …"), ended: ended ?? "hung" };
}
