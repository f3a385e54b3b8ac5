/** The webhooks in test/fixtures/webhooks: one `<source>/<name>.http` each, its form is in the README there. */
import { readdirSync, readFileSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { parseBody } from "../../hook/source/body.ts";
import { defaultSetting } from "../../hook/source/setting.ts";
import type { Reading, Source, WebhookRequest } from "../../hook/source/source.ts";

const folder = new URL("../fixtures/webhooks/", import.meta.url);

export interface WebhookFixture {
  name: string;
  method: string;
  /** By their names in small letters. */
  headers: Record<string, string>;
  /** With its question mark; empty when there is none. */
  search: string;
  raw: Buffer;
}

export function listFixtures(source: string): string[] {
  return readdirSync(new URL(`${source}/`, folder))
    .filter((file) => file.endsWith(".http"))
    .map((file) => file.slice(0, -".http".length))
    .toSorted();
}

export function readFixture(source: string, name: string): WebhookFixture {
  const file = readFileSync(new URL(`${source}/${name}.http`, folder));
  const end = file.indexOf("\n\n");
  const head = file.subarray(0, end < 0 ? file.length : end).toString("utf8");
  const [request = "", ...headers] = head.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const [method = "", target = ""] = request.split(" ");
  const body = end < 0 ? Buffer.alloc(0) : file.subarray(end + 2);
  return {
    name,
    method,
    headers: Object.fromEntries(headers.map(parseHeader)),
    search: target.includes("?") ? target.slice(target.indexOf("?")) : "",
    raw: body.at(-1) === 10 ? body.subarray(0, -1) : body,
  };
}

function parseHeader(line: string): [name: string, value: string] {
  const colon = line.indexOf(":");
  if (colon < 1) throw new Error(`not a header: ${line}`);
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

/** A fixture as a source gets to see it. */
export function requestOf({ method, headers, search, raw }: WebhookFixture): WebhookRequest {
  const query = Object.fromEntries(new URLSearchParams(search));
  const parsed = parseBody(raw, headers["content-type"] ?? "");
  if ("problem" in parsed) throw new Error(parsed.problem);
  return { method, headers, query, raw, body: parsed.body };
}

export function readWith(source: Source, fixture: WebhookFixture, setting = defaultSetting): Reading {
  return source.read(requestOf(fixture), setting);
}

/** A request with this body, for what no fixture has. */
export function requestWith(
  body: unknown,
  headers: IncomingHttpHeaders = {},
  query: Record<string, unknown> = {},
): WebhookRequest {
  return { headers, query, raw: Buffer.from(JSON.stringify(body) ?? ""), body };
}

/** Sends a fixture over HTTP, as it came or with other headers beside. */
export function sendFixture(
  url: string,
  { method, headers, search, raw }: WebhookFixture,
  more: Record<string, string> = {},
): Promise<Response> {
  const body = raw.length === 0 ? null : new Uint8Array(raw);
  return fetch(`${url}${search}`, { method, headers: { ...headers, ...more }, body });
}
