/** Images with sites in them, made byte by byte: pushed to a registry, or as a folder or an archive. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { Descriptor } from "../../oci/manifest.ts";

/** One member of a tar archive, written as told: nothing is checked. */
export interface Member {
  name: string;
  content?: string | Buffer;
  /** `0` file, `1` hard link, `2` symbolic link, `3` and `4` devices, `5` folder, `6` pipe, `L`, `x`, `S`, … */
  type?: string;
  target?: string;
  mode?: number;
  mtimeSeconds?: number;
  /** Another size than the content's. */
  sizeBytes?: number;
}

const blockBytes = 512;

function octal(value: number, length: number): string {
  return `${value.toString(8).padStart(length - 1, "0")}\0`;
}

export function tarMember(member: Member): Buffer {
  const { name, type = "0", target = "", mode = 0o644, mtimeSeconds = 1_700_000_000 } = member;
  const content = Buffer.from(member.content ?? "");
  const header = Buffer.alloc(blockBytes);
  header.write(name, 0, 100, "utf8");
  header.write(octal(mode, 8), 100, "latin1");
  header.write(octal(0, 8), 108, "latin1");
  header.write(octal(0, 8), 116, "latin1");
  header.write(octal(member.sizeBytes ?? content.length, 12), 124, "latin1");
  header.write(octal(mtimeSeconds, 12), 136, "latin1");
  header.write("        ", 148, "latin1");
  header.write(type, 156, 1, "latin1");
  header.write(target, 157, 100, "utf8");
  header.write("ustar\x0000", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  const padding = Buffer.alloc((blockBytes - (content.length % blockBytes)) % blockBytes);
  return Buffer.concat([header, content, padding]);
}

export function tarOf(members: readonly Member[]): Buffer {
  return Buffer.concat([...members.map(tarMember), Buffer.alloc(2 * blockBytes)]);
}

/** What a pax header has in front of the member that it is about. */
export function paxMember(records: Readonly<Record<string, string>>): Member {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = Buffer.byteLength(` ${key}=${value}\n`);
    let length = rest + 1;
    while (rest + String(length).length !== length) length = rest + String(length).length;
    return `${length} ${key}=${value}\n`;
  });
  return { name: "pax", type: "x", content: lines.join("") };
}

/** GNU's way to a long name. */
export function longNameMember(name: string): Member {
  return { name: "././@LongLink", type: "L", content: `${name}\0` };
}

export function sha256(bytes: Uint8Array | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

export type LayerForm = "none" | "gzip" | "zstd";

export interface Layer {
  archive: Buffer;
  form?: LayerForm;
}

export interface ImageParts {
  manifest: Buffer;
  mediaType: string;
  digest: string;
  /** By digest: the config and the layers as they are fetched. */
  blobs: Map<string, Buffer>;
}

export interface ImageOptions {
  workingDir?: string;
  /** Docker's media types instead of the specification's. */
  isDocker?: boolean;
  /** Of the layers, for one that lies. */
  diffIds?: string[];
  architecture?: string;
  /** The last word on the manifest. */
  change?(manifest: { config: object; layers: object[]; [key: string]: unknown }): void;
}

const layerTypes: Readonly<Record<LayerForm, [oci: string, docker: string]>> = {
  none: ["application/vnd.oci.image.layer.v1.tar", "application/vnd.docker.image.rootfs.diff.tar"],
  gzip: ["application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.docker.image.rootfs.diff.tar.gzip"],
  zstd: ["application/vnd.oci.image.layer.v1.tar+zstd", "application/vnd.docker.image.rootfs.diff.tar.zstd"],
};

export function compress(archive: Buffer, form: LayerForm): Buffer {
  if (form === "gzip") return gzipSync(archive, { level: 1 });
  return form === "zstd" ? zstdCompressSync(archive) : archive;
}

export function buildImage(layers: readonly Layer[], options: ImageOptions = {}): ImageParts {
  const { workingDir = "/www", isDocker = false, architecture = "amd64", change } = options;
  const diffIds = options.diffIds ?? layers.map(({ archive }) => sha256(archive));
  const blobs = new Map<string, Buffer>();
  const describe = (mediaType: string, bytes: Buffer) => {
    const digest = sha256(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const config = Buffer.from(
    JSON.stringify({
      os: "linux",
      architecture,
      config: { WorkingDir: workingDir },
      rootfs: { type: "layers", diff_ids: diffIds },
    }),
  );
  const mediaType = isDocker
    ? "application/vnd.docker.distribution.manifest.v2+json"
    : "application/vnd.oci.image.manifest.v1+json";
  const body = {
    schemaVersion: 2,
    mediaType,
    config: describe(
      isDocker
        ? "application/vnd.docker.container.image.v1+json"
        : "application/vnd.oci.image.config.v1+json",
      config,
    ),
    layers: layers.map(({ archive, form = "gzip" }) =>
      describe(layerTypes[form][isDocker ? 1 : 0], compress(archive, form)),
    ),
  };
  change?.(body);
  const manifest = Buffer.from(JSON.stringify(body));
  return { manifest, mediaType, digest: sha256(manifest), blobs };
}

/** A site as an image usually has it: a base layer without it, and one layer that is it. */
export function siteImage(
  files: Readonly<Record<string, string | Buffer>>,
  options: ImageOptions = {},
): ImageParts {
  const base = tarOf([
    { name: "etc/", type: "5", mode: 0o755 },
    { name: "etc/passwd", content: "root:x:0:0::/:\n" },
    { name: "statigo", content: "the server", mode: 0o755 },
  ]);
  const site = tarOf([
    { name: "www/", type: "5", mode: 0o755 },
    ...Object.entries(files).map(([name, content]) => ({ name: `www/${name}`, content })),
  ]);
  return buildImage([{ archive: base }, { archive: site }], options);
}

/** An index of images, one for each platform. */
export function indexOf(images: readonly { parts: ImageParts; platform?: object; annotations?: object }[]) {
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const manifests = images.map(({ parts, platform, annotations }) => ({
    mediaType: parts.mediaType,
    digest: parts.digest,
    size: parts.manifest.length,
    ...(platform && { platform }),
    ...(annotations && { annotations }),
  }));
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
  return { manifest, mediaType, digest: sha256(manifest) };
}

/** Pushes what `docker push` would: blobs first, then what names them. */
export async function pushParts(
  { origin }: { origin: string },
  repository: string,
  tag: string,
  parts: ImageParts,
  authorization?: string,
): Promise<string> {
  for (const blob of parts.blobs.values()) await pushBlob(origin, repository, blob, authorization);
  await pushManifest({ origin }, repository, tag, parts, authorization);
  return parts.digest;
}

export async function pushManifest(
  { origin }: { origin: string },
  repository: string,
  reference: string,
  { manifest, mediaType }: Pick<ImageParts, "manifest" | "mediaType">,
  authorization?: string,
): Promise<void> {
  const headers = { "content-type": mediaType, ...(authorization !== undefined && { authorization }) };
  await send(`${origin}/v2/${repository}/manifests/${reference}`, "PUT", headers, manifest);
}

async function pushBlob(
  origin: string,
  repository: string,
  blob: Buffer,
  authorization?: string,
): Promise<void> {
  const headers = {
    "content-type": "application/octet-stream",
    ...(authorization !== undefined && { authorization }),
  };
  const started = await send(`${origin}/v2/${repository}/blobs/uploads/`, "POST", headers);
  const url = new URL(started.headers.get("location") ?? "", origin);
  url.searchParams.set("digest", sha256(blob));
  await send(url.href, "PUT", headers, blob);
}

async function send(
  url: string,
  method: string,
  headers: Record<string, string>,
  body?: Buffer,
): Promise<Response> {
  const answer = await fetch(url, { method, headers, ...(body && { body: new Uint8Array(body) }) });
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`);
  return answer;
}

/** The image layout's files, by path. */
export function layoutFiles(
  images: readonly { tag: string | undefined; parts: ImageParts }[],
): Map<string, Buffer> {
  const files = new Map<string, Buffer>([["oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}')]]);
  const blobPath = (digest: string) => `blobs/${digest.replace(":", "/")}`;
  const manifests = images.map(({ tag, parts }) => {
    files.set(blobPath(parts.digest), parts.manifest);
    for (const [digest, bytes] of parts.blobs) files.set(blobPath(digest), bytes);
    const annotations = tag === undefined ? {} : { "org.opencontainers.image.ref.name": tag };
    return { mediaType: parts.mediaType, digest: parts.digest, size: parts.manifest.length, annotations };
  });
  files.set("index.json", Buffer.from(JSON.stringify({ schemaVersion: 2, manifests })));
  return files;
}

export function writeFiles(folder: string, files: ReadonlyMap<string, Buffer>): void {
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
}

export function archiveOf(files: ReadonlyMap<string, Buffer>): Buffer {
  return tarOf([...files].map(([name, content]) => ({ name, content })));
}

export function descriptorOf(bytes: Buffer, mediaType = "application/octet-stream"): Descriptor {
  return { mediaType, digest: sha256(bytes), sizeBytes: bytes.length };
}
