/** A client that sends exactly the bytes it is given, and reads responses by RFC 9112 without mending anything. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface RawResponse {
  readonly status: number;
  readonly reason: string;
  /** Lower-case names; a field that came twice is an error. */
  readonly fields: ReadonlyMap<string, string>;
  readonly content: Buffer;
}

/** Splits a byte stream into responses; `methods[i]` is that of the i-th request (HEAD has no content). */
export function parseResponses(
  bytes: Buffer,
  methods: readonly string[],
): { responses: RawResponse[]; rest: Buffer } {
  const responses: RawResponse[] = [];
  let rest = bytes;
  for (;;) {
    const end = rest.indexOf("\r\n\r\n");
    if (end < 0) break;
    const [statusLine = "", ...lines] = rest.subarray(0, end).toString("latin1").split("\r\n");
    const match = /^HTTP\/1\.1 (\d{3}) ([^\r\n]*)$/.exec(statusLine);
    if (match === null) throw new Error(`no status line: ${JSON.stringify(statusLine)}`);
    const status = Number(match[1]);
    const fields = new Map<string, string>();
    for (const line of lines) {
      const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): (.*)$/.exec(line);
      if (field === null) throw new Error(`no field line: ${JSON.stringify(line)}`);
      const name = String(field[1]).toLowerCase();
      if (fields.has(name)) throw new Error(`${name} came twice`);
      fields.set(name, String(field[2]));
    }
    const method = methods[responses.length] ?? "GET";
    const isEmpty = method === "HEAD" || status === 204 || status === 304;
    const length = isEmpty ? 0 : Number(fields.get("content-length"));
    if (!Number.isInteger(length)) throw new Error(`no Content-Length in ${statusLine}`);
    if (rest.length < end + 4 + length) break;
    responses.push({
      status,
      reason: match[2] ?? "",
      fields,
      content: rest.subarray(end + 4, end + 4 + length),
    });
    rest = rest.subarray(end + 4 + length);
  }
  return { responses, rest };
}

export class RawClient {
  readonly socket: Socket;
  received = Buffer.alloc(0);
  /** Larger than what was received, so that a big answer is not copied with each of its chunks. */
  private storage = Buffer.alloc(0);
  isEnded = false;
  private wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk) => {
      this.append(chunk);
      this.wake();
    });
    const end = () => {
      this.isEnded = true;
      this.wake();
    };
    socket.on("end", end);
    socket.on("error", end);
    socket.on("close", end);
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const client = new RawClient(socket);
    await once(socket, "connect");
    return client;
  }

  private append(chunk: Buffer): void {
    const { received } = this;
    const length = received.length + chunk.length;
    if (received.buffer !== this.storage.buffer || length > this.storage.length) {
      this.storage = Buffer.alloc(2 * length);
      received.copy(this.storage);
    }
    chunk.copy(this.storage, received.length);
    this.received = this.storage.subarray(0, length);
  }

  /** For who replaced the listener: has until() look again. */
  wakeUp(): void {
    this.wake();
  }

  send(data: string | Buffer): void {
    this.socket.write(typeof data === "string" ? Buffer.from(data, "latin1") : data);
  }

  /** Waits until `holds` or the server's end. */
  async until(holds: () => boolean, timeoutMs = 30_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!holds() && !this.isEnded) {
      const left = deadline - Date.now();
      if (left <= 0)
        throw new Error(
          `timed out; received ${JSON.stringify(this.received.toString("latin1").slice(0, 400))}`,
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Waits for `count` complete responses. */
  async responses(count: number, methods: readonly string[] = []): Promise<RawResponse[]> {
    await this.until(() => parseResponses(this.received, methods).responses.length >= count);
    const parsed = parseResponses(this.received, methods).responses;
    if (parsed.length < count) {
      throw new Error(
        `${parsed.length} of ${count} responses: ${JSON.stringify(this.received.toString("latin1").slice(0, 400))}`,
      );
    }
    return parsed;
  }

  async untilEnd(timeoutMs = 30_000): Promise<void> {
    await this.until(() => false, timeoutMs);
  }

  close(): void {
    this.socket.destroy();
  }
}

/** Sends bytes, waits for the one response, closes. */
export async function exchange(port: number, request: string | Buffer): Promise<RawResponse> {
  const client = await RawClient.open(port);
  try {
    client.send(request);
    const method = request.toString("latin1").split(" ")[0] ?? "GET";
    const [response] = await client.responses(1, [method]);
    if (response === undefined) throw new Error("no response");
    return response;
  } finally {
    client.close();
  }
}

/** A GET of a target with extra field lines. */
export async function get(
  port: number,
  target: string,
  fields: readonly string[] = [],
  method = "GET",
): Promise<RawResponse> {
  return exchange(port, requestText(target, fields, method));
}

export function requestText(target: string, fields: readonly string[] = [], method = "GET"): string {
  return `${method} ${target} HTTP/1.1\r\nHost: localhost\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n`;
}
