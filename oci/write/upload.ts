import { Readable } from "node:stream";
import { bytesBetween, checked } from "../blob.ts";
import { ImageError } from "../image-error.ts";
import type { OpenBlob } from "../image-sink.ts";
import type { Descriptor } from "../manifest.ts";
import type { ProgressStep } from "../progress.ts";
import { isTemporaryError, type RegistrySession, withPatience } from "../session.ts";
import type { RegistryAnswer } from "../transport.ts";

export interface Upload {
  session: RegistrySession;
  descriptor: Descriptor;
  open: OpenBlob;
  /** Repositories that may have it, and let it be mounted. */
  places: readonly string[];
  chunkBytes: number;
  step: ProgressStep;
  signal: AbortSignal;
}

/**
 * Uploads a blob (distribution specification, "Pushing Blobs"): mounted from another repository where that can be,
 * else in one request, else in chunks, of which each can be sent again.
 */
export async function uploadBlob(upload: Upload): Promise<string> {
  const { descriptor, chunkBytes, signal } = upload;
  let started: RegistryAnswer | undefined;
  for (const place of upload.places.slice(0, 1)) {
    started = await start(upload, place);
    if (started?.status === 201) return `mounted from ${place}`;
  }
  const first = started?.status === 202 ? started : undefined;
  if (descriptor.sizeBytes <= chunkBytes) {
    await withPatience(signal, (tries) => uploadWhole(upload, tries === 1 ? first : undefined));
    return "pushed";
  }
  const isWhole = await uploadInChunks(upload, first);
  // Some registries take no chunks, or only smaller ones.
  if (!isWhole) await withPatience(signal, () => uploadWhole(upload, undefined));
  return "pushed";
}

/** A place for an upload; or, with a repository to mount from, 201 when that made an upload needless. */
async function start(upload: Upload, from?: string): Promise<RegistryAnswer | undefined> {
  const { session, descriptor, signal } = upload;
  const mount = new URLSearchParams({ mount: descriptor.digest, from: from ?? "" });
  const path = `blobs/uploads/${from === undefined ? "" : `?${mount}`}`;
  const request = { method: "POST", path, headers: { "content-length": "0" }, signal } as const;
  if (from === undefined) {
    const answer = await session.ask(request);
    if (answer.status !== 202) throw session.refuse(answer, `a push to ${session.image.text}`);
    return answer;
  }
  try {
    const answer = await session.ask(request);
    return answer.status === 201 || answer.status === 202 ? answer : undefined;
  } catch (error) {
    // A token server may refuse the other repository; then it is uploaded.
    if (error instanceof ImageError && error.fault === "denied") return undefined;
    throw error;
  }
}

function placeOf({ session }: Upload, answer: RegistryAnswer): URL {
  const { location } = answer.headers;
  const place = URL.parse(location ?? "", session.origin);
  if (place === null || (session.origin.protocol === "https:" && place.protocol !== "https:")) {
    throw new ImageError(`${session.name} names no place for an upload that can be used`);
  }
  return place;
}

function withDigest(place: URL, { digest }: Descriptor): URL {
  const url = new URL(place);
  url.searchParams.set("digest", digest);
  return url;
}

async function uploadWhole(upload: Upload, started: RegistryAnswer | undefined): Promise<void> {
  const { session, descriptor, signal, step } = upload;
  const place = placeOf(upload, started ?? ((await start(upload)) as RegistryAnswer));
  const shown = showOn(step);
  const body = async () => {
    shown.moveTo(0);
    const bytes = checked(await upload.open(0), descriptor);
    return Readable.from(counted(bytes, shown.add), { objectMode: false });
  };
  try {
    const answer = await send(upload, "PUT", withDigest(place, descriptor), descriptor.sizeBytes, body);
    if (answer.status !== 201) throw session.refuse(answer, `a push of ${descriptor.digest}`);
    confirm(upload, answer);
  } catch (error) {
    shown.moveTo(0);
    signal.throwIfAborted();
    throw error;
  }
}

/** What is shown as sent, which a broken connection takes back. */
function showOn(step: ProgressStep) {
  let shownBytes = 0;
  const add = (sizeBytes: number) => {
    step.add(sizeBytes);
    shownBytes += sizeBytes;
  };
  return { add, moveTo: (sizeBytes: number) => add(sizeBytes - shownBytes) };
}

/** Once: what is to be done when it fails depends on what the registry has by then. */
async function send(
  { session, signal }: Upload,
  method: "PUT" | "PATCH",
  place: URL,
  sizeBytes: number,
  body: () => Promise<Readable>,
  headers: Readonly<Record<string, string>> = {},
): Promise<RegistryAnswer> {
  const {
    status,
    headers: answered,
    stream,
  } = await session.open({
    method,
    path: place,
    headers: {
      ...headers,
      "content-type": "application/octet-stream",
      "content-length": String(sizeBytes),
    },
    body,
    signal,
  });
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return { status, headers: answered, body: Buffer.concat(chunks) };
}

function confirm({ session, descriptor }: Upload, { headers }: RegistryAnswer): void {
  const said = headers["docker-content-digest"];
  if (said === undefined || said === descriptor.digest) return;
  throw new ImageError(`${session.name} took ${descriptor.digest} for ${said}`);
}

/** Answers of a registry that has no chunks of this length: it is asked for the whole then. */
const chunkRefusals = new Set([400, 404, 405, 411, 413, 416, 501]);

/** Of one blob; a connection that breaks more often than this does not get better. */
const maximumTroubles = 20;

/** `false` where the registry does not take it in chunks. */
async function uploadInChunks(upload: Upload, started: RegistryAnswer | undefined): Promise<boolean> {
  const { descriptor, session, signal } = upload;
  const shown = showOn(upload.step);
  let place = placeOf(upload, started ?? ((await start(upload)) as RegistryAnswer));
  let offset = 0;
  let troubles = 0;
  while (offset < descriptor.sizeBytes) {
    const end = Math.min(offset + upload.chunkBytes, descriptor.sizeBytes);
    try {
      const answer = await sendChunk(upload, place, offset, end, shown.add);
      if (answer.status === 202) {
        place = placeOf(upload, answer);
        offset = end;
        continue;
      }
      const error = session.refuse(answer, `a push of ${descriptor.digest}`);
      if (!chunkRefusals.has(answer.status)) throw error;
      shown.moveTo(0);
      return false;
    } catch (error) {
      signal.throwIfAborted();
      troubles += 1;
      if (!isTemporaryError(error) || troubles > maximumTroubles) throw error;
      ({ place, offset } = await resume(upload, place, offset, end));
      shown.moveTo(offset);
    }
  }
  await commit(upload, place);
  return true;
}

function sendChunk(
  upload: Upload,
  place: URL,
  start: number,
  end: number,
  count: (sizeBytes: number) => void,
): Promise<RegistryAnswer> {
  const body = async () => {
    const stream = await upload.open(start);
    return Readable.from(counted(bytesBetween(stream, 0, end - start), count), { objectMode: false });
  };
  const headers = { "content-range": `${start}-${end - 1}` };
  return send(upload, "PATCH", place, end - start, body, headers);
}

/** Goes on where the registry says that it is; begins anew where it has forgotten the upload. */
async function resume(
  upload: Upload,
  place: URL,
  offset: number,
  end: number,
): Promise<{ place: URL; offset: number }> {
  return withPatience(upload.signal, async () => {
    const answer = await upload.session.ask({ method: "GET", path: place, signal: upload.signal });
    const received = /^(?:bytes=)?0-(\d+)$/.exec(answer.headers.range ?? "")?.[1];
    if (answer.status === 204 && answer.headers.location !== undefined) {
      const has = received === undefined ? 0 : Number(received) + 1;
      // An upload of nothing is `0-0` for some, as one of a single byte is.
      if (has <= end && (has >= offset || offset === 0)) {
        return { place: placeOf(upload, answer), offset: has === 1 ? 0 : has };
      }
    }
    return { place: placeOf(upload, (await start(upload)) as RegistryAnswer), offset: 0 };
  });
}

async function commit(upload: Upload, place: URL): Promise<void> {
  const { session, descriptor, signal } = upload;
  const answer = await session.ask({
    method: "PUT",
    path: withDigest(place, descriptor),
    headers: { "content-length": "0" },
    signal,
  });
  if (answer.status === 201) return confirm(upload, answer);
  // The answer of a first try may have been lost on its way.
  const isThere = await session.ask({ method: "HEAD", path: `blobs/${descriptor.digest}`, signal });
  if (isThere.status !== 200) throw session.refuse(answer, `a push of ${descriptor.digest}`);
}

async function* counted(chunks: AsyncIterable<Buffer>, count: (sizeBytes: number) => void) {
  for await (const chunk of chunks) {
    count(chunk.length);
    yield chunk;
  }
}
