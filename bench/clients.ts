/** Clients that wrk can't play: downloads, idle connections, slow readers. They run in this process. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export function requestText(path: string, method = "GET"): string {
  return `${method} ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`;
}

/** One answer, from a connection of its own: its head, and when the first byte came. */
export function ask(
  port: number,
  path: string,
  method = "GET",
): Promise<{ head: string; firstByteAt: number }> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", reject);
    socket.once("end", () => reject(new Error("closed without an answer")));
    socket.once("data", (chunk) => {
      const firstByteAt = performance.now();
      socket.destroy();
      resolve({ head: chunk.toString("latin1").split("\r\n\r\n")[0] ?? "", firstByteAt });
    });
    socket.write(requestText(path, method));
  });
}

/** Asks until the answer has a tag: ours makes that of a big file behind the first answers, which is measured by itself. */
export async function askForTag(port: number, path: string): Promise<void> {
  for (;;) {
    const { head } = await ask(port, path, "HEAD");
    if (/^etag:/im.test(head)) return;
    await sleep(10);
  }
}

/** Reads a whole answer as fast as this side can: into one buffer, over and over. Resolves with the bytes. */
function download(port: number, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let received = 0;
    const buffer = Buffer.allocUnsafe(1 << 20);
    const callback = (count: number): boolean => {
      received += count;
      return true;
    };
    const socket = connect({ port, host: "127.0.0.1", onread: { buffer, callback } });
    socket.once("error", reject);
    socket.once("end", () => resolve(received));
    socket.write(`GET ${path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n`);
  });
}

/** So many downloads at once, again and again for at least so long: megabytes, and the seconds that they took. */
export async function downloadFor(
  seconds: number,
  {
    port,
    path,
    connections,
    sizeBytes,
  }: { port: number; path: string; connections: number; sizeBytes: number },
): Promise<{ megabytes: number; seconds: number }> {
  const startedAt = performance.now();
  const passed = () => (performance.now() - startedAt) / 1000;
  let total = 0;
  do {
    const received = await Promise.all(Array.from({ length: connections }, () => download(port, path)));
    if (received.some((bytes) => bytes < sizeBytes)) throw new Error(`a download ended early: ${received}`);
    total += received.reduce((sum, bytes) => sum + bytes, 0);
  } while (passed() < seconds);
  return { megabytes: total / 1_000_000, seconds: passed() };
}

/** Opens connections a few at a time, each with one request that was answered, so that they are idle. */
export async function openIdleConnections(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  const open = async () => {
    const socket = connect(port, "127.0.0.1");
    sockets.push(socket);
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.write(requestText("/index.html"));
    await once(socket, "data");
    socket.on("data", () => {});
  };
  while (sockets.length < count) {
    await Promise.all(Array.from({ length: Math.min(50, count - sockets.length) }, open));
  }
  if (sockets.some((socket) => socket.destroyed)) throw new Error("an idle connection was closed");
  return sockets;
}

/** Readers of one big file that take a little, twice a second. */
export class SlowReaders {
  private readonly sockets: Socket[] = [];
  private readonly timer: NodeJS.Timeout;
  received = 0;

  constructor(port: number, path: string, count: number) {
    for (let i = 0; i < count; i++) {
      const callback = (count: number): boolean => {
        this.received += count;
        // False stops the reading, until resume().
        return false;
      };
      const onread = { buffer: Buffer.allocUnsafe(16_384), callback };
      const socket = connect({ port, host: "127.0.0.1", onread });
      socket.on("error", () => {});
      socket.write(requestText(path));
      this.sockets.push(socket);
    }
    this.timer = setInterval(() => {
      for (const socket of this.sockets) socket.resume();
    }, 500);
  }

  countOpen(): number {
    return this.sockets.filter((socket) => !socket.destroyed).length;
  }

  close(): void {
    clearInterval(this.timer);
    for (const socket of this.sockets) socket.destroy();
  }
}

/** Asks for every path once over one connection, a hundred at a time. */
export async function askForAll(port: number, paths: readonly string[]): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  let answers = 0;
  let tail = "";
  socket.on("data", (chunk: Buffer) => {
    const text = tail + chunk.toString("latin1");
    answers += text.split("\r\n\r\n").length - 1;
    // Too short to hold a head's end that was counted.
    tail = text.slice(-3);
  });
  for (let from = 0; from < paths.length; from += 100) {
    const some = paths.slice(from, from + 100);
    socket.write(some.map((path) => requestText(path, "HEAD")).join(""));
    const deadline = Date.now() + 20_000;
    while (answers < from + some.length) {
      if (Date.now() > deadline || socket.destroyed)
        throw new Error(`${answers} of ${from + some.length} answers`);
      await sleep(1);
    }
  }
  socket.destroy();
}
