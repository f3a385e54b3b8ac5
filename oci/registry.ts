import { createHash } from "node:crypto";
import { authorize, type Identity } from "./auth.ts";
import { dockerHub, type ImageName } from "./reference.ts";
import { exchange, type RegistryAnswer } from "./transport.ts";

export interface RegistryAccess extends Identity {
  /** Speak http where the registry is not on this machine. */
  insecure?: boolean;
}

export type DigestAnswer =
  | { kind: "found"; digest: string }
  /** The registry knows no such tag. */
  | { kind: "missing" }
  /** It will not say, and asking again will not change that. */
  | { kind: "refused"; problem: string }
  /** It could not say now. */
  | { kind: "away"; problem: string };

/** An index first: what a tag of several platforms points to is the index, not one platform's manifest. */
export const manifestTypes: readonly string[] = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

/** Where a registry's API is. Plain http is for this machine, and for what the operator says is to be trusted so. */
export function registryUrl(
  { registry }: ImageName,
  { insecure, tls }: Pick<RegistryAccess, "insecure" | "tls">,
): URL {
  if (registry === dockerHub.name) return new URL(`https://${dockerHub.apiHost}`);
  const isPlain = insecure ?? (tls === undefined && isLoopback(registry));
  return new URL(`${isPlain ? "http" : "https"}://${registry}`);
}

export function isLoopback(registry: string): boolean {
  const host = registry.replace(/:\d+$/, "");
  return host === "localhost" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** The digest that a tag has in its registry. Connection errors are thrown. */
export async function findDigest(
  name: ImageName,
  tag: string,
  access: RegistryAccess,
): Promise<DigestAnswer> {
  const head = await askForManifest("HEAD", name, tag, access);
  // Some registries have no HEAD for manifests, and some answer it without the digest.
  const hasNoHead = "answer" in head && (head.answer.status === 405 || head.answer.status === 501);
  const isSilent = "answer" in head && head.answer.status === 200 && headerDigest(head.answer) === undefined;
  const asked = hasNoHead || isSilent ? await askForManifest("GET", name, tag, access) : head;
  return "answer" in asked ? judge(asked.answer, access) : asked;
}

type Asked = { answer: RegistryAnswer } | Refusal;
/** Why a registry does not answer what it was asked. */
export type Refusal = Extract<DigestAnswer, { problem: string }>;

async function askForManifest(
  method: "HEAD" | "GET",
  name: ImageName,
  tag: string,
  access: RegistryAccess,
): Promise<Asked> {
  const url = new URL(
    `/v2/${name.repository}/manifests/${encodeURIComponent(tag)}`,
    registryUrl(name, access),
  );
  const headers = { accept: manifestTypes.join(", ") };
  const { tls, signal } = access;
  const send = (authorization: Readonly<Record<string, string>>) =>
    exchange({ method, url, headers: { ...headers, ...authorization }, tls, signal });
  const answer = await send({});
  if (answer.status !== 401) return { answer };
  const authorized = await logIn(answer, name, access);
  return "kind" in authorized ? authorized : { answer: await send(authorized) };
}

/** The header with which a repository is pulled from, or pushed to, after a 401. */
export async function logIn(
  answer: Pick<RegistryAnswer, "headers">,
  name: ImageName,
  access: RegistryAccess,
  actions = "pull",
): Promise<{ authorization: string } | Refusal> {
  const scope = `repository:${name.repository}:${actions}`;
  const authorization = await authorize(answer, registryUrl(name, access), scope, access);
  if ("header" in authorization) return { authorization: authorization.header };
  const { problem, status = 0 } = authorization;
  return { kind: isTemporaryStatus(status) ? "away" : "refused", problem };
}

function judge(answer: RegistryAnswer, access: RegistryAccess): DigestAnswer {
  if (answer.status === 200) return readDigest(answer);
  if (answer.status === 404) return { kind: "missing" };
  return explainRefusal(answer, access);
}

export function explainRefusal(answer: RegistryAnswer, { credentials }: RegistryAccess): Refusal {
  const { status } = answer;
  if (status === 401 || status === 403) {
    const whom =
      credentials === undefined ? "anybody read the tag without a login" : "these credentials read the tag";
    return { kind: "refused", problem: `it does not let ${whom} (${status})` };
  }
  const said = describeErrors(answer.body);
  const problem = said === "" ? `it answered ${status}` : `it answered ${status} (${said})`;
  return { kind: isTemporaryStatus(status) ? "away" : "refused", problem };
}

export function isTemporaryStatus(status: number): boolean {
  return status >= 500 || status === 429 || status === 408;
}

function readDigest(answer: RegistryAnswer): DigestAnswer {
  const said = headerDigest(answer);
  if (answer.body.length === 0) {
    return said === undefined
      ? { kind: "refused", problem: "it answered without a digest and without a manifest" }
      : { kind: "found", digest: said };
  }
  const computed = `sha256:${createHash("sha256").update(answer.body).digest("hex")}`;
  if (said !== undefined && said !== computed && said.startsWith("sha256:")) {
    return { kind: "refused", problem: `the manifest it sent is ${computed}, not ${said} as it says` };
  }
  return { kind: "found", digest: said ?? computed };
}

function headerDigest({ headers }: RegistryAnswer): string | undefined {
  const value = headers["docker-content-digest"];
  return typeof value === "string" && /^sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})$/.test(value)
    ? value
    : undefined;
}

/** `{"errors":[{"code","message","detail"}]}` of the distribution specification: the codes and messages. */
export function describeErrors(body: Buffer): string {
  let parsed: { errors?: unknown } | null;
  try {
    parsed = JSON.parse(body.toString("utf8"));
  } catch {
    return "";
  }
  const errors = Array.isArray(parsed?.errors) ? parsed.errors : [];
  const texts = errors.map((error) =>
    [error?.code, error?.message].filter((part) => typeof part === "string").join(": "),
  );
  return texts.join("; ").slice(0, 300);
}
