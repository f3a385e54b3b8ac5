/** A channel on Node's sockets. */
import * as fs from "node:fs";
import type { Socket } from "node:net";
import { Channel } from "./connection/channel.ts";
import { readFully } from "./representation.ts";

const chunkBytes = 64 * 1024;

/** `::ffff:192.0.2.1` is an IPv4 client on a dual-stack socket. */
export function plainAddress(address: string): string {
  if (address === "") return "-";
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}

export class NodeChannel extends Channel {
  private readonly socket: Socket;
  private readonly proceed: () => void;
  private isFull = false;

  constructor(socket: Socket, proceed: () => void) {
    super();
    this.socket = socket;
    this.proceed = proceed;
    this.address = plainAddress(socket.remoteAddress ?? "");
    socket.on("drain", () => {
      this.flush();
      proceed();
    });
  }

  override send(bytes: Buffer): void {
    this.isFull = !this.socket.write(bytes);
    this.sentBytes = this.socket.bytesWritten;
  }

  override sendFile(fd: number, position: number, count: number): number {
    const chunk = Buffer.allocUnsafe(Math.min(count, chunkBytes));
    try {
      if (readFully(fd, chunk, chunk.length, position) !== chunk.length) return -1;
    } catch {
      return -1;
    }
    this.send(chunk);
    return chunk.length;
  }

  override isReady(): boolean {
    return !this.isFull;
  }

  override flush(): boolean {
    this.isFull = false;
    return true;
  }

  /** Node does by itself. */
  override watch(): void {}

  override yieldTurn(): void {
    setImmediate(this.proceed);
  }

  override pauseReading(): void {
    this.socket.pause();
  }

  override resumeReading(): void {
    this.socket.resume();
  }

  override endWriting(): void {
    this.socket.end();
  }

  override close(): void {
    this.socket.destroy();
  }
}

/** The soft limit of open files, from procfs; POSIX's customary one where there is none. */
export function descriptorLimit(): number {
  try {
    const line = /^Max open files +(\d+)/m.exec(fs.readFileSync("/proc/self/limits", "utf8"));
    return Number(line?.[1] ?? 1024);
  } catch {
    return 1024;
  }
}
