/**
 * Images of a site whose page is its tag, put into a registry without a Docker daemon: our static binary, one page, and
 * a config. They are half a megabyte, so that several Engines pull them in no time.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { root } from "./images.ts";

const binary = join(root, "dist/native/statigo");

/** Why there can be none, or `false`: for a test's `skip`. */
export const siteImageMissing: string | false = existsSync(binary)
  ? false
  : "dist/native/statigo is not there: npm run build:native";

export interface SiteImage {
  /**
   * `crash` ends at once, `crash-unchecked` has no health check either, `sick` fails its health check for ever, and
   * `slow` is not asked in the first hour.
   */
  kind?: "good" | "crash" | "crash-unchecked" | "sick" | "slow";
  /** Of the page; the tag when left out. */
  page?: string;
  /** More of the image's config, such as `Env`, or instead of it. */
  config?: object;
}

export interface PushPlace {
  /** `http://127.0.0.1:<port>` */
  origin: string;
  /** Sent with every request. */
  authorization?: string;
}

/** Pushes it and answers its digest. */
export async function pushSiteImage(
  place: PushPlace,
  repository: string,
  tag: string,
  { kind = "good", page = tag, config: more = {} }: SiteImage = {},
): Promise<string> {
  const layers = [
    await tarOf({ statigo: { content: readFileSync(binary), mode: 0o755 } }),
    await tarOf({ "www/index.html": { content: Buffer.from(page), mode: 0o644 } }),
  ];
  const config = Buffer.from(JSON.stringify(configOf(kind, layers, more)));
  const blobs = [config, ...layers.map((layer) => gzipSync(layer, { level: 1 }))];
  for (const blob of blobs) await pushBlob(place, repository, blob);
  const mediaType = "application/vnd.docker.distribution.manifest.v2+json";
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: describe("application/vnd.docker.container.image.v1+json", config),
    layers: blobs.slice(1).map((blob) => describe("application/vnd.docker.image.rootfs.diff.tar.gzip", blob)),
  };
  const body = Buffer.from(JSON.stringify(manifest));
  await send(place, "PUT", `/v2/${repository}/manifests/${tag}`, body, mediaType);
  return digestOf(body);
}

const healthcheck = {
  good: ["CMD", "/statigo", "--healthcheck"],
  crash: ["CMD", "/statigo", "--healthcheck"],
  "crash-unchecked": ["NONE"],
  sick: ["CMD", "/statigo", "--no-such-option"],
  slow: ["CMD", "/statigo", "--healthcheck"],
} as const;

function configOf(kind: NonNullable<SiteImage["kind"]>, layers: readonly Buffer[], more: object): object {
  const ms = 1_000_000;
  const intervalMs = kind === "slow" ? 3_600_000 : 300;
  return {
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    config: {
      Entrypoint: ["/statigo", ...(kind.startsWith("crash") ? ["--no-such-option"] : ["-root-dir", "/www"])],
      WorkingDir: "/www",
      User: "65532:65532",
      ExposedPorts: { "3000/tcp": {} },
      Healthcheck: { Test: healthcheck[kind], Interval: intervalMs * ms, Timeout: 2000 * ms, Retries: 2 },
      ...more,
    },
    rootfs: { type: "layers", diff_ids: layers.map(digestOf) },
  };
}

async function tarOf(files: Readonly<Record<string, { content: Buffer; mode: number }>>): Promise<Buffer> {
  const archive = pack();
  for (const [name, { content, mode }] of Object.entries(files))
    archive.entry({ name, mode, mtime: new Date(0) }, content);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function describe(mediaType: string, content: Buffer) {
  return { mediaType, size: content.length, digest: digestOf(content) };
}

function digestOf(content: Buffer): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

async function pushBlob(place: PushPlace, repository: string, content: Buffer): Promise<void> {
  const digest = digestOf(content);
  const headers = headersOf(place);
  const known = await fetch(new URL(`/v2/${repository}/blobs/${digest}`, place.origin), {
    method: "HEAD",
    headers,
  });
  if (known.ok) return;
  const type = "application/octet-stream";
  const started = await send(place, "POST", `/v2/${repository}/blobs/uploads/`, Buffer.alloc(0), type);
  const url = new URL(started.headers.get("location") ?? "", place.origin);
  url.searchParams.set("digest", digest);
  await send(place, "PUT", `${url.pathname}${url.search}`, content, type);
}

function headersOf({ authorization }: PushPlace): Record<string, string> {
  return authorization === undefined ? {} : { authorization };
}

async function send(
  place: PushPlace,
  method: string,
  path: string,
  body: Buffer,
  type: string,
): Promise<Response> {
  const headers = { ...headersOf(place), "content-type": type };
  const answer = await fetch(new URL(path, place.origin), { method, headers, body: new Uint8Array(body) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer;
}
