/**
 * A real image registry for tests (Debian's `docker-registry`), on loopback and a free port:
 *
 *   const registry = await startRegistry();
 *   const digest = await pushImage(registry, "stut/blog", "v1");
 */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePorts } from "./free-port.ts";

const program = "/usr/bin/docker-registry";

/** Why there is no registry on this machine, or `false`: for a test's `skip`. */
export const registryMissing: string | false = (() => {
  try {
    accessSync(program);
    return false;
  } catch {
    return "docker-registry is not installed: apt-get install docker-registry";
  }
})();

export interface Registry {
  /** `127.0.0.1:<port>`: the first part of an image's name. */
  host: string;
  /** `http://127.0.0.1:<port>` */
  origin: string;
  /** Where it keeps a blob, for tests that damage one. */
  blobFile(digest: string): string;
  stop(): Promise<void>;
}

export interface RegistryOptions {
  /** More of the registry's own configuration: `auth`, `notifications`. */
  configuration?: object;
  tls?: { certificate: string; key: string };
}

export const registryUser = { username: "ci", password: "registry-password" };
/** bcrypt of the password above: the only form that the registry takes. */
const passwordFile = "ci:$2y$05$abcdefghijklmnopqrstuux7DVfxfgfXTmp/9Tsk6HzX2QQGjxePG\n";

/** `auth` for users with passwords; the file is written into the folder. */
export function passwordAuth(folder: string): object {
  const path = join(folder, "htpasswd");
  writeFileSync(path, passwordFile);
  return { htpasswd: { realm: "test", path } };
}

export async function startRegistry({ configuration = {}, tls }: RegistryOptions = {}): Promise<Registry> {
  const folder = mkdtempSync(join(tmpdir(), "statigo-registry-"));
  const [port = 0] = await freePorts(1);
  const host = `127.0.0.1:${port}`;
  const settings = {
    version: "0.1",
    log: { accesslog: { disabled: true }, level: "error" },
    storage: { filesystem: { rootdirectory: join(folder, "data") }, delete: { enabled: true } },
    http: { addr: host, secret: "test", ...(tls && { tls }) },
    ...configuration,
  };
  const file = join(folder, "config.yml");
  writeFileSync(file, JSON.stringify(settings));
  const child = spawn(program, ["serve", file], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-4000);
  });
  const stop = async () => {
    child.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const origin = `${tls === undefined ? "http" : "https"}://${host}`;
  const blobFile = (digest: string) => {
    const [algorithm = "", hex = ""] = digest.split(":");
    return join(folder, "data/docker/registry/v2/blobs", algorithm, hex.slice(0, 2), hex, "data");
  };
  const registry = { host, origin, blobFile, stop };
  for (let tries = 0; tries < 500 && child.exitCode === null; tries++) {
    if (await isListening(host)) return registry;
    await sleep(20);
  }
  await stop();
  throw new Error(`the registry did not start:\n${said}`);
}

/** Any answer will do, an error that says "this is TLS" as well. */
async function isListening(host: string): Promise<boolean> {
  return fetch(`http://${host}/`).then(
    () => true,
    () => false,
  );
}

export interface PushOptions {
  /** Sent with every request. */
  authorization?: string;
  /** Push an index of two manifests instead of one manifest. */
  isIndex?: boolean;
}

/** Pushes a small image whose content is its tag, and returns the tag's digest. */
export async function pushImage(
  { origin }: Pick<Registry, "origin">,
  repository: string,
  tag: string,
  { authorization, isIndex = false }: PushOptions = {},
): Promise<string> {
  const send = async (method: string, path: string, body: string, type: string) => {
    const headers = { "content-type": type, ...(authorization !== undefined && { authorization }) };
    const url = new URL(path, origin);
    const answer = await fetch(url, { method, headers, ...(method !== "GET" && { body }) });
    if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  const pushBlob = async (content: string) => {
    const started = await send("POST", `/v2/${repository}/blobs/uploads/`, "", "application/octet-stream");
    const url = new URL(started.headers.get("location") ?? "", origin);
    url.searchParams.set("digest", digestOf(content));
    await send("PUT", url.href, content, "application/octet-stream");
  };
  const pushManifest = async (reference: string, manifest: { mediaType: string; [key: string]: unknown }) => {
    const text = JSON.stringify(manifest);
    await send("PUT", `/v2/${repository}/manifests/${reference}`, text, manifest.mediaType);
    return { mediaType: manifest.mediaType, digest: digestOf(text), size: Buffer.byteLength(text) };
  };
  const pushPlatform = async (architecture: string, reference?: string) => {
    const config = JSON.stringify({ architecture, os: "linux", rootfs: { type: "layers", diff_ids: [] } });
    const layer = `the layer of ${tag} for ${architecture}`;
    for (const content of [config, layer]) await pushBlob(content);
    const manifest = imageManifest(config, layer);
    return pushManifest(reference ?? digestOf(JSON.stringify(manifest)), manifest);
  };
  if (!isIndex) return (await pushPlatform("amd64", tag)).digest;
  const manifests = [await pushPlatform("amd64"), await pushPlatform("arm64")].map((descriptor, index) => ({
    ...descriptor,
    platform: { architecture: index === 0 ? "amd64" : "arm64", os: "linux" },
  }));
  const mediaType = "application/vnd.oci.image.index.v1+json";
  return (await pushManifest(tag, { schemaVersion: 2, mediaType, manifests })).digest;
}

function imageManifest(config: string, layer: string) {
  const describe = (mediaType: string, content: string) => ({
    mediaType,
    digest: digestOf(content),
    size: Buffer.byteLength(content),
  });
  return {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: describe("application/vnd.oci.image.config.v1+json", config),
    layers: [describe("application/vnd.oci.image.layer.v1.tar", layer)],
  };
}

export function digestOf(content: string): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

export interface KeyPair {
  /** PEM files. */
  certificate: string;
  key: string;
  certificatePem: string;
  keyPem: string;
}

/** A certificate that signs itself, for 127.0.0.1 or another name. */
export function createCertificate(folder: string, subject = "IP:127.0.0.1"): KeyPair {
  const certificate = join(folder, "certificate.pem");
  const key = join(folder, "key.pem");
  const name = ["-subj", "/CN=statigo test", "-addext", `subjectAltName=${subject}`];
  const shape = [
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-days",
    "2",
  ];
  execFileSync("openssl", ["req", ...shape, ...name, "-keyout", key, "-out", certificate], {
    stdio: "ignore",
  });
  return {
    certificate,
    key,
    certificatePem: readFileSync(certificate, "utf8"),
    keyPem: readFileSync(key, "utf8"),
  };
}
