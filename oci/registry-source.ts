import { Readable } from "node:stream";
import { bytesBetween } from "./blob.ts";
import { ImageError, type ImageFault } from "./image-error.ts";
import { describeReference, type ImageSource, type ManifestBytes, type Reference } from "./image-source.ts";
import { type Descriptor, quote } from "./manifest.ts";
import type { ImageName } from "./reference.ts";
import { explainRefusal, logIn, manifestTypes, type RegistryAccess, registryUrl } from "./registry.ts";
import { type OpenAnswer, openAnswer, readBody } from "./transport.ts";

/** A registry that sends nothing for so long is away. */
const idleTimeoutMs = 30_000;

/** Images of one repository in its registry. */
export function openRegistry(
  name: ImageName,
  access: Omit<RegistryAccess, "signal">,
  idleMs = idleTimeoutMs,
): ImageSource {
  const registry = registryUrl(name, access);
  // A token does for the whole image; when it has run out in between, there is a 401 again.
  let login: { authorization: string } | undefined;

  async function get(
    path: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<OpenAnswer> {
    const url = new URL(`/v2/${name.repository}/${path}`, registry);
    const send = () =>
      openAnswer({
        method: "GET",
        url,
        headers: { ...headers, ...login },
        tls: access.tls,
        signal,
        idleTimeoutMs: idleMs,
      });
    const answer = await send();
    if (answer.status !== 401) return answer;
    answer.stream.destroy();
    login = undefined;
    const authorized = await logIn(answer, name, { ...access, signal });
    if ("kind" in authorized)
      throw refusal(authorized.problem, authorized.kind === "away" ? "away" : "denied");
    login = authorized;
    return send();
  }

  const refusal = (problem: string, fault: ImageFault) =>
    new ImageError(`the registry at ${registry.origin}: ${problem}`, { fault });

  async function requireFound(answer: OpenAnswer, what: string, signal: AbortSignal): Promise<void> {
    if (answer.status === 200) return;
    const { status, headers, stream } = answer;
    const body = await readBody(stream);
    if (status === 404) throw new ImageError(`the registry at ${registry.origin} has no ${what}`);
    const { kind, problem } = explainRefusal({ status, headers, body }, { ...access, signal });
    const isDenied = status === 401 || status === 403;
    throw refusal(`${problem} for ${what}`, isDenied ? "denied" : kind === "away" ? "away" : "image");
  }

  async function readManifest(reference: Reference, signal: AbortSignal): Promise<ManifestBytes> {
    const what = describeReference(reference);
    const accept = { accept: manifestTypes.join(", ") };
    // Neither has a character that a path could not have; some registries do not decode the colon.
    const answer = await get(`manifests/${what}`, accept, signal);
    await requireFound(answer, `${name.text} ${quote(what)}`, signal);
    const [mediaType = ""] = (answer.headers["content-type"] ?? "").split(";");
    return { bytes: await readBody(answer.stream), mediaType: mediaType.trim().toLowerCase() };
  }

  async function openBlob({ digest }: Descriptor, signal: AbortSignal, startBytes = 0): Promise<Readable> {
    const range = startBytes > 0 ? { range: `bytes=${startBytes}-` } : {};
    const answer = await get(`blobs/${digest}`, range, signal);
    if (answer.status === 206 && startBytes > 0) return answer.stream;
    await requireFound(answer, `${name.text} ${digest}`, signal);
    if (startBytes === 0) return answer.stream;
    return Readable.from(bytesBetween(answer.stream, startBytes, Number.POSITIVE_INFINITY));
  }

  return { name: `the registry at ${registry.origin}`, readManifest, openBlob };
}
