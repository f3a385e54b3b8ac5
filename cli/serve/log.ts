import { formatSize } from "../size.ts";
import { clean, paint, type Style } from "../terminal.ts";

export interface LogEntry {
  method: string;
  /** As the browser sent it, with its query. */
  path: string;
  status: number;
  bytes: number;
  durationMs: number;
}

export function styleOf(status: number): Style {
  if (status >= 400) return status >= 500 ? "red" : "yellow";
  return status >= 300 ? "dim" : "green";
}

/** `200   1.2 kB  0.4 ms  GET /index.html` */
export function formatEntry(entry: LogEntry, stream: NodeJS.WriteStream): string {
  const status = paint(String(entry.status), styleOf(entry.status), stream);
  const size = paint(formatSize(entry.bytes).padStart(8), "dim", stream);
  const time = paint(`${entry.durationMs.toFixed(1).padStart(6)} ms`, "dim", stream);
  return `${status} ${size} ${time}  ${entry.method} ${clean(entry.path)}`;
}
