import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { News } from "./live-script.ts";

const retryMs = 500;
const heartbeatMs = 20_000;

/** Tells the open pages, by server-sent events, that the site is another one now. */
export class LiveReload {
  /** Another one than that of a process before: its pages do not know what changed in between. */
  private readonly origin = randomBytes(6).toString("hex");
  private count = 0;
  private readonly listeners = new Set<ServerResponse>();
  private readonly heartbeat = setInterval(() => this.send(":\n\n"), heartbeatMs);

  get state(): string {
    return `${this.origin}-${this.count}`;
  }

  get listenerCount(): number {
    return this.listeners.size;
  }

  listen(response: ServerResponse): void {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    // A page that missed something is told at once.
    response.write(`retry: ${retryMs}\n${describe({ state: this.state, before: "", isStyleOnly: false })}`);
    this.listeners.add(response);
    response.on("close", () => this.listeners.delete(response));
  }

  announce(isStyleOnly: boolean): void {
    const before = this.state;
    this.count += 1;
    this.send(describe({ state: this.state, before, isStyleOnly }));
  }

  close(): void {
    clearInterval(this.heartbeat);
    for (const response of this.listeners) response.end();
  }

  private send(text: string): void {
    for (const response of this.listeners) response.write(text);
  }
}

function describe(news: News): string {
  return `data: ${JSON.stringify(news)}\n\n`;
}
