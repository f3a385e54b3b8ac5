import type { IncomingMessage } from "node:http";
import { openRequest } from "../http/http-request.ts";
import type { TlsOptions } from "../http/tls.ts";
import { isJsonObject, textOf } from "../json.ts";
import type { EngineAddress } from "./address.ts";
import { EngineError, errorOfAnswer, errorOfConnection } from "./error.ts";
import { MalformedLine, readJsonLines } from "./json-lines.ts";
import {
  type ApiVersion,
  chooseApiVersion,
  compareApiVersions,
  formatApiVersion,
  oldestApi,
  parseApiVersion,
} from "./version.ts";

/** How to reach the API of a Docker Engine, or of what speaks it (podman, Portainer's proxy). */
export interface EngineSetting {
  address: EngineAddress;
  tls?: TlsOptions | undefined;
  /** Sent with every request, such as the key of a proxy. */
  headers?: Readonly<Record<string, string>>;
  /** For the whole answer to a question; a change takes as long as it takes. */
  readTimeoutMs?: number;
}

const longestReadMs = 60_000;

/** Of a deployment that may take so long, one question that is not answered is to be only a part. */
export function readTimeoutIn(timeoutMs: number): number {
  return Math.min(longestReadMs, timeoutMs / 4);
}

export interface EngineCall {
  method: "GET" | "POST" | "PUT" | "DELETE" | "HEAD";
  /** Without the version: `/containers/json`. Names in it are percent-encoded by the caller. */
  path: string;
  /** Objects are sent as JSON, as `filters` wants them; what is undefined is left out. */
  query?: Readonly<Record<string, QueryValue>>;
  headers?: Readonly<Record<string, string>>;
  body?: object | undefined;
  /** What is asked for, after "refused to": `start the container blog`. */
  what: string;
  /** These are no errors besides 2xx: 304 of what is done already, 404 of what is gone already. */
  alsoGood?: readonly number[];
  signal: AbortSignal;
}

type QueryValue = string | number | boolean | object | undefined;

export interface EngineAnswer {
  status: number;
  /** Parsed; `undefined` when there is none. */
  body: unknown;
}

/** One Engine, whose version was asked for. Everything it does may throw an `EngineError`. */
export interface Engine {
  /** As the operator wrote the address. */
  where: string;
  /** Such as "Docker 20.10.24" or "Podman 4.3.1". */
  product: string;
  isPodman: boolean;
  /** What both sides speak, and what is spoken. */
  api: ApiVersion;
  hasApi(major: number, minor: number): boolean;
  call(call: EngineCall): Promise<EngineAnswer>;
  /** An answer that is not JSON, such as a log. */
  read(call: EngineCall): Promise<Buffer>;
  /** An answer that comes line by line, each line JSON: a pull, events. Leaving the loop ends the request. */
  stream(call: EngineCall): AsyncGenerator<unknown, void, void>;
}

/** An inspected container is some 10 kB; a list of a thousand is a few MiB. */
const maximumAnswerBytes = 64 * 1024 * 1024;

/** Asks an Engine who it is, and speaks the newest API with it that both know. */
export async function connectEngine(setting: EngineSetting, signal: AbortSignal): Promise<Engine> {
  const where = setting.address.text;
  const what = "tell its version";
  const call = limitRead(setting, { method: "GET", path: "/version", what, signal });
  const response = await open(setting, "", call);
  const body = (await readBody(response, setting, call)).toString("utf8");
  if (!isSuccess(response)) throw errorOfAnswer(response.statusCode ?? 0, body, what, where);
  const { product, isPodman, api } = readVersion(parseBody(body, where), where);
  const prefix = `/v${formatApiVersion(api)}`;
  return {
    where,
    product,
    isPodman,
    api,
    hasApi: (major, minor) => compareApiVersions(api, { major, minor }) >= 0,
    call: (call) => callEngine(setting, prefix, call),
    read: (call) => readFromEngine(setting, prefix, call),
    stream: (call) => streamFromEngine(setting, prefix, call),
  };
}

function readVersion(body: unknown, where: string): Pick<Engine, "product" | "isPodman" | "api"> {
  const answer = isJsonObject(body) ? body : {};
  const newest = parseApiVersion(answer["ApiVersion"]);
  if (newest === undefined) {
    const message = `what answers at ${where} is not a Docker Engine: it tells no API version`;
    throw new EngineError(message, { isTemporary: false, hasNoEffect: true });
  }
  const components = Array.isArray(answer["Components"]) ? answer["Components"] : [];
  const isPodman = components.some((one) => isJsonObject(one) && textOf(one["Name"]).startsWith("Podman"));
  const product = `${isPodman ? "Podman" : "Docker"} ${textOf(answer["Version"])}`;
  const api = chooseApiVersion({ newest, oldest: parseApiVersion(answer["MinAPIVersion"]) });
  if (api !== undefined) return { product, isPodman, api };
  const message = `${product} at ${where} speaks the API ${formatApiVersion(newest)}: ${formatApiVersion(oldestApi)} or newer is needed`;
  throw new EngineError(message, { isTemporary: false, hasNoEffect: true });
}

/** A call, and when the Engine is taken for one that does not answer. */
type LimitedCall = EngineCall & { limit?: AbortSignal };

function limitRead({ readTimeoutMs = longestReadMs }: EngineSetting, call: EngineCall): LimitedCall {
  if (call.method !== "GET" && call.method !== "HEAD") return call;
  return { ...call, limit: AbortSignal.timeout(readTimeoutMs) };
}

async function callEngine(setting: EngineSetting, prefix: string, given: EngineCall): Promise<EngineAnswer> {
  const call = limitRead(setting, given);
  const response = await open(setting, prefix, call);
  const text = (await readBody(response, setting, call)).toString("utf8");
  const status = response.statusCode ?? 0;
  if (call.alsoGood?.includes(status)) return { status, body: undefined };
  if (!isSuccess(response)) throw errorOfAnswer(status, text, call.what, setting.address.text);
  // Podman says a word, or ends an empty line, where Docker says nothing.
  const hasNothing = /^(?:OK)?\s*$/.test(text);
  return { status, body: hasNothing ? undefined : parseBody(text, setting.address.text) };
}

async function* streamFromEngine(
  setting: EngineSetting,
  prefix: string,
  call: EngineCall,
): AsyncGenerator<unknown, void, void> {
  const response = await open(setting, prefix, call);
  await throwIfRefused(response, setting, call);
  try {
    yield* readJsonLines(response);
  } catch (error) {
    throw describeBreak(error, setting, call);
  } finally {
    response.destroy();
  }
}

async function readFromEngine(setting: EngineSetting, prefix: string, given: EngineCall): Promise<Buffer> {
  const call = limitRead(setting, given);
  const response = await open(setting, prefix, call);
  await throwIfRefused(response, setting, call);
  return readBody(response, setting, call);
}

async function throwIfRefused(
  response: IncomingMessage,
  setting: EngineSetting,
  call: LimitedCall,
): Promise<void> {
  if (isSuccess(response)) return;
  const text = (await readBody(response, setting, call)).toString("utf8");
  throw errorOfAnswer(response.statusCode ?? 0, text, call.what, setting.address.text);
}

async function open(setting: EngineSetting, prefix: string, call: LimitedCall): Promise<IncomingMessage> {
  const { address, tls, headers } = setting;
  const { socketPath } = address;
  const url = new URL(`${address.url.pathname.replace(/\/$/, "")}${prefix}${call.path}`, address.url);
  for (const [name, value] of Object.entries(call.query ?? {})) {
    if (value === undefined) continue;
    url.searchParams.set(name, typeof value === "object" ? JSON.stringify(value) : String(value));
  }
  try {
    call.signal.throwIfAborted();
    return await openRequest({
      method: call.method,
      url,
      headers: { ...headers, ...(call.body && { "content-type": "application/json" }), ...call.headers },
      ...(call.body && { body: JSON.stringify(call.body) }),
      tls,
      ...(socketPath !== undefined && { connection: { socketPath } }),
      signal: call.limit === undefined ? call.signal : AbortSignal.any([call.signal, call.limit]),
    });
  } catch (error) {
    throw describeBreak(error, setting, call);
  }
}

/** An abort is nobody's fault, and says nothing about whether the Engine has done what it was asked for. */
function describeBreak(
  error: unknown,
  setting: EngineSetting,
  { what, signal, limit }: LimitedCall,
): EngineError {
  if (error instanceof EngineError) return error;
  const { text } = setting.address;
  if (signal.aborted) {
    const message = `stopped waiting for the Engine at ${text} to ${what}`;
    return new EngineError(message, { isTemporary: false, hasNoEffect: false });
  }
  if (limit?.aborted) {
    const message = `the Engine at ${text} did not answer in time, asked to ${what}`;
    return new EngineError(message, { isTemporary: true, hasNoEffect: true });
  }
  const { code } = error as NodeJS.ErrnoException;
  if (code !== undefined) return errorOfConnection(error, setting.address, setting.tls);
  const message = `the answer of the Engine at ${text}, asked to ${what}, could not be read: ${(error as Error).message}`;
  return new EngineError(message, { isTemporary: error instanceof MalformedLine, hasNoEffect: false });
}

async function readBody(
  response: IncomingMessage,
  setting: EngineSetting,
  call: LimitedCall,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      sizeBytes += chunk.length;
      if (sizeBytes > maximumAnswerBytes) throw new Error(`longer than ${maximumAnswerBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw describeBreak(error, setting, call);
  }
  return Buffer.concat(chunks);
}

function isSuccess({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode < 300;
}

function parseBody(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // `POST /auth` and old calls answer with a word; nobody here asks for those. A proxy in between may have answered
    // for a moment, or cut the answer off.
    const message = `what answers at ${where} is not a Docker Engine: its answer is not JSON`;
    throw new EngineError(message, { isTemporary: true, hasNoEffect: false });
  }
}
