/** What a registry or a Docker config could say, damaged: challenges, manifests, indexes, credentials, names of images. */
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { authorize } from "../../oci/auth.ts";
import { parseChallenges } from "../../oci/challenge.ts";
import { CredentialsError } from "../../oci/credentials.ts";
import { digestOf } from "../../oci/digest.ts";
import { readDockerCredentials } from "../../oci/docker-config.ts";
import { ImageError } from "../../oci/image-error.ts";
import type { ImageSource } from "../../oci/image-source.ts";
import { parseImageName } from "../../oci/reference.ts";
import { resolveImage } from "../../oci/resolve.ts";
import { siteImage } from "../support/site-images.ts";
import { type Attempt, attemptInputs, type FuzzOptions, type FuzzResult } from "./attempts.ts";
import { loadTexts } from "./kept-texts.ts";
import { mutate } from "./mutation.ts";
import type { Random } from "./random.ts";
import { damageValue } from "./value-damage.ts";

const headers: readonly string[] = [
  'Bearer realm="https://auth.example.org/token",service="registry.example.org",scope="repository:a/b:pull"',
  'Basic realm="a \\"quoted\\" realm", Bearer realm="https://x.example/t", error="invalid_token"',
  "Negotiate, Basic charset=UTF-8 , Digest qop=auth",
];
const names: readonly string[] = [
  "stut/blog",
  "localhost:5000/a/b",
  "registry.example.org/x__y/z-w",
  "[::1]:5000/a",
];
const dockerConfig = {
  auths: {
    "reg.example": { auth: Buffer.from("user:password").toString("base64") },
    "https://index.docker.io/v1/": { identitytoken: "token" },
    "https://old.example/v1/": { username: "u", password: "p" },
  },
};

/** RFC 9110 11.2 and 11.6.1, for a header that keeps to the grammar wholly. */
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const parameter = `${token}[ \\t]*=[ \\t]*(?:${token}|"(?:[^"\\\\]|\\\\.)*")`;
const strictHeader = new RegExp(
  `^(?:${token}(?: +${parameter}(?:[ \\t]*,[ \\t]*${parameter})*)?)(?:[ \\t]*,[ \\t]*(?:${token}(?: +${parameter}(?:[ \\t]*,[ \\t]*${parameter})*)?))*$`,
);

async function checkChallenge(header: string): Promise<string> {
  const challenges = parseChallenges(header);
  if (challenges.length === 0 && strictHeader.test(header)) return "no challenge, one by the RFC";
  const wrong = challenges.find(({ scheme }) => !new RegExp(`^${token}$`).test(scheme));
  if (wrong !== undefined) return `the scheme ${wrong.scheme}`;
  // Whoever is named in it: a password is never sent to a place without TLS.
  const realm = challenges.find(({ scheme }) => scheme === "bearer")?.parameters["realm"] ?? "";
  if (URL.parse(realm)?.protocol === "https:") return "";
  const credentials = { username: "u", password: "p" };
  const answer = { headers: { "www-authenticate": header } };
  const identity = { credentials, signal: AbortSignal.timeout(5000) };
  const result = await authorize(
    answer,
    new URL("https://registry.example.org"),
    "repository:a:pull",
    identity,
  );
  if ("problem" in result) return "";
  return challenges.some(({ scheme }) => scheme === "basic") ? "" : `the header ${result.header}`;
}

/** An index to an image to a config, of which any value is another one. */
async function checkImage(random: Random): Promise<string> {
  const { manifest, mediaType, blobs } = siteImage({ "index.html": "x" });
  const digest = digestOf(manifest, undefined);
  const entry = {
    mediaType,
    digest,
    size: manifest.length,
    platform: { os: "linux", architecture: "amd64" },
  };
  const indexType = "application/vnd.oci.image.index.v1+json";
  const index = { schemaVersion: 2, mediaType: indexType, manifests: [entry, entry] };
  const damaged = Buffer.from(JSON.stringify(damageValue(index, random)) ?? "");
  const source: ImageSource = {
    name: "the fuzzer",
    readManifest: async (reference) =>
      "tag" in reference
        ? { bytes: damaged, mediaType: random.chance(0.5) ? indexType : undefined }
        : { bytes: manifest, mediaType },
    openBlob: async (descriptor) => Readable.from([blobs.get(descriptor.digest) ?? Buffer.alloc(0)]),
  };
  try {
    const image = await resolveImage(source, { tag: "v1" }, { signal: AbortSignal.timeout(5000), log() {} });
    return image.digest === digestOf(damaged, undefined) ? "" : `the digest ${image.digest} for ${damaged}`;
  } catch (error) {
    return error instanceof ImageError ? "" : `${error} for ${damaged}`;
  }
}

async function checkDockerConfig(random: Random, file: string): Promise<string> {
  const text = JSON.stringify(damageValue(dockerConfig, random)) ?? "";
  writeFileSync(file, random.chance(0.3) ? mutate(text, random, [text]) : text);
  const lookup = { environment: { PATH: "/nonexistent" }, signal: AbortSignal.timeout(5000) };
  for (const registry of ["reg.example", "docker.io", "old.example", "constructor"]) {
    try {
      const found = await readDockerCredentials(file, registry, lookup);
      const values = Object.values(found ?? {});
      if (!values.every((value) => typeof value === "string"))
        return `credentials of ${JSON.stringify(found)} for ${text}`;
    } catch (error) {
      if (!(error instanceof CredentialsError)) throw error;
      if (/password|dXNlc/.test(error.message.replaceAll("user and password", "")))
        return `it tells a secret: ${error.message}`;
    }
  }
  return "";
}

/** What is taken for an image's name can stand in a URL and in a path without being quoted. */
function checkName(text: string): string {
  const parsed = parseImageName(text);
  if ("problem" in parsed) return parsed.problem === "" ? "refused without a reason" : "";
  const { registry, repository } = parsed.name;
  const isRight = /^[a-z0-9._/-]+$/.test(repository) && !/(?:^|\/)\.|\/\/|\.\./.test(repository);
  if (!isRight || !/^[a-z0-9.:[\]-]+$/.test(registry)) return `the name ${registry} ${repository}`;
  const url = URL.parse(`https://${registry}/v2/${repository}/`);
  // A port beyond 65535 is what URL.parse refuses.
  return url === null || url.pathname === `/v2/${repository}/` ? "" : `the path ${url.pathname}`;
}

export function fuzzRegistries(options: FuzzOptions): Promise<FuzzResult> {
  const file = join(tmpdir(), `statigo-fuzz-${process.pid}.json`);
  const kept = loadTexts("registry");
  // Longer ones only make the other reading slow, whose expressions go back and forth.
  const make = (random: Random) =>
    mutate(random.pick([...headers, ...names]), random, [...headers, ...names]).slice(0, 400);
  return attemptInputs(
    options,
    [...kept, ...headers, ...names],
    make,
    async (text, random): Promise<Attempt> => {
      const failure =
        (await checkChallenge(text)) ||
        checkName(text) ||
        (await checkImage(random)) ||
        (await checkDockerConfig(random, file));
      if (failure !== "") return { failure };
      return "name" in parseImageName(text)
        ? "names"
        : parseChallenges(text).length > 0
          ? "challenges"
          : "neither";
    },
  );
}
