/** Hostile images into the code that unpacks them: nothing is written elsewhere, nothing leads elsewhere, nothing crashes. */
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { ImageError } from "../../oci/image-error.ts";
import type { ImageSource } from "../../oci/image-source.ts";
import type { ImageLimits } from "../../oci/limits.ts";
import { parseManifest } from "../../oci/manifest.ts";
import { resolveImage } from "../../oci/resolve.ts";
import { unpackImage } from "../../oci/unpack.ts";
import {
  buildImage,
  type ImageParts,
  type Layer,
  longNameMember,
  type Member,
  paxMember,
  siteImage,
  tarOf,
} from "../support/site-images.ts";
import { mutate } from "./mutation.ts";
import { Random } from "./random.ts";
import { damageValue } from "./value-damage.ts";

export interface ImageFuzzResult {
  readonly inputs: number;
  readonly unpacked: number;
  readonly refused: number;
  /** Each with the seed that shows it: `--seed N` begins with it. */
  readonly failures: readonly string[];
}

const limits: ImageLimits = { downloadBytes: 1e6, unpackedBytes: 2e6, siteBytes: 1e6, entries: 500 };

/** A place of its own for one image; what it may not touch lies around it. */
interface Jail {
  root: string;
  staging: string;
  site: string;
  outside: string;
}

function buildJail(parent: string, number: number): Jail {
  const root = join(parent, String(number));
  const outside = join(root, "outside");
  const staging = join(root, "a/b/staging");
  for (const folder of [outside, staging]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(outside, "secret"), "untouched");
  return { root, outside, staging, site: join(staging, "site") };
}

/** What is wrong after an image was unpacked or refused, or "". */
function checkJail({ root, staging, site, outside }: Jail, isUnpacked: boolean): string {
  const around = [root, join(root, "a"), join(root, "a/b")].flatMap((folder) => readdirSync(folder));
  if (around.sort().join() !== "a,b,outside,staging") return `written beside: ${around}`;
  if (readdirSync(outside).join() !== "secret") return "written outside";
  const secret = join(outside, "secret");
  if (readFileSync(secret, "utf8") !== "untouched" || lstatSync(secret).nlink !== 1) return "touched outside";
  const others = readdirSync(staging).filter((name) => name !== "layers" && name !== "site");
  if (others.length > 0) return `written into staging: ${others}`;
  return isUnpacked ? checkFolder(site, site) : "";
}

function checkFolder(folder: string, site: string): string {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    const { mode } = lstatSync(path);
    if (entry.isSymbolicLink()) {
      const end = realpathSync(path);
      if (end !== site && !end.startsWith(`${site}/`)) return `${path} leads to ${end}`;
    } else if (!entry.isFile() && !entry.isDirectory()) return `${path} is neither a file nor a folder`;
    else if ((mode & 0o7022) !== 0) return `${path} has the mode ${mode.toString(8)}`;
    if (entry.name.startsWith(".wh.")) return `${path} is a whiteout`;
    const below = entry.isDirectory() ? checkFolder(path, site) : "";
    if (below !== "") return below;
  }
  return "";
}

const folders = ["d", "e", "d/e", "www/d", "é", "D", ".", "", "l", ".wh.d"];
const leaves = ["a", "b", "A", "\u0301e", "d", "l", ".wh.a", ".wh.d", ".wh..wh..opq", ".wh.", ".wh..wh.plnk"];
const oddParts = [
  "..",
  "x".repeat(255),
  "x".repeat(256),
  "\\..\\",
  "a\0b",
  "con",
  "..\u2024",
  "~",
  "-rf",
  "%2e%2e",
  "\n",
];
const types = ["2", "3", "4", "6", "7", "\0", "S", "L", "K", "x", "g", "V", "D", "?"];

function makePath(random: Random, outside: string): string {
  if (random.chance(0.03)) return `${outside}/secret`;
  if (random.chance(0.02)) return `${"../".repeat(random.below(12))}outside/secret`;
  const words = Array.from({ length: random.below(3) }, () => random.pick(folders));
  words.push(random.pick(random.chance(0.3) ? folders : leaves));
  if (random.chance(0.03)) words.splice(random.below(words.length + 1), 0, random.pick(oddParts));
  const front = random.chance(0.1) ? "/" : random.chance(0.8) ? "www/" : "";
  return `${front}${words.join("/")}`;
}

function makeMembers(random: Random, outside: string): Member[] {
  const one = (): Member[] => {
    const path = makePath(random, outside);
    const type = random.chance(0.95) ? random.pick(["0", "0", "5", "2", "2", "1"]) : random.pick(types);
    const content = type === "0" || random.chance(0.1) ? "c".repeat(random.below(1200)) : "";
    const target = random.chance(0.5)
      ? makePath(random, outside)
      : random.pick(["..", ".", "/", "/www", "a", "l", ""]);
    const mode = random.below(0o10000);
    const member: Member = { name: path.slice(0, 99), type, content, target: target.slice(0, 99), mode };
    if (random.chance(0.01)) member.sizeBytes = random.pick([0, 1, 511, 512, 1e9, 8 ** 11 - 1]);
    if (random.chance(0.05)) return [paxMember({ path: makePath(random, outside) }), member];
    if (random.chance(0.03)) return [longNameMember(makePath(random, outside)), member];
    const odd = {
      linkpath: makePath(random, outside),
      size: random.pick(["-1", "0", "1e9", "99999999999999999999"]),
    };
    return random.chance(0.03)
      ? [paxMember(random.chance(0.5) ? { linkpath: odd.linkpath } : { size: odd.size }), member]
      : [member];
  };
  return [
    { name: "www/index.html", content: "page" },
    ...Array.from({ length: random.below(14) }, one).flat(),
  ];
}

function makeImage(random: Random, outside: string): ImageParts {
  const layers = Array.from({ length: 1 + random.below(3) }, (): Layer => {
    let archive = tarOf(makeMembers(random, outside));
    // With the digests of what is damaged: a pusher can compute them as well.
    if (random.chance(0.2))
      archive = Buffer.from(mutate(archive.toString("latin1"), random, others), "latin1");
    if (random.chance(0.05)) archive = archive.subarray(0, random.below(archive.length));
    return { archive, form: random.pick(["none", "gzip", "zstd"]) };
  });
  return buildImage(layers, { workingDir: "/www", isDocker: random.chance(0.3) });
}

/** For the damage that splices: another archive's beginning. */
const others = [tarOf([{ name: "www/other", content: "x" }]).toString("latin1")];

/** In one of fifty it is not the image that is damaged, but what comes. */
function sourceOf({ manifest, mediaType, blobs }: ImageParts, random: Random): ImageSource {
  const damage = (bytes: Buffer) =>
    random.chance(0.02) ? Buffer.from(mutate(bytes.toString("latin1"), random, others), "latin1") : bytes;
  return {
    name: "the fuzzer",
    readManifest: async () => ({ bytes: damage(manifest), mediaType }),
    openBlob: async ({ digest }) => Readable.from([damage(blobs.get(digest) ?? Buffer.alloc(0))]),
  };
}

/** A manifest of which any value is another one is read, or refused in words. */
function fuzzManifest(random: Random): string {
  const { manifest, mediaType } = siteImage({ "index.html": "x" });
  const damaged = JSON.stringify(damageValue(JSON.parse(manifest.toString("utf8")), random)) ?? "";
  try {
    const read = parseManifest(Buffer.from(damaged), random.chance(0.5) ? mediaType : undefined);
    if (read.kind === "index") return "";
    const digests = [read.config, ...read.layers].map(({ digest }) => digest);
    return digests.every((digest) => /^sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})$/.test(digest))
      ? ""
      : damaged;
  } catch (error) {
    return error instanceof ImageError ? "" : `${error} for ${damaged}`;
  }
}

async function unpack(jail: Jail, random: Random): Promise<"unpacked" | "refused"> {
  const source = sourceOf(makeImage(random, jail.outside), random);
  const context = { signal: AbortSignal.timeout(20_000), log() {} };
  try {
    const image = await resolveImage(source, { tag: "v1" }, context);
    const { staging, site: folder } = jail;
    await unpackImage({ source, image, path: "/www", staging, folder, limits, ...context });
    return "unpacked";
  } catch (error) {
    if (error instanceof ImageError) return "refused";
    throw error;
  }
}

/** Runs for `seconds`, or through `inputs` inputs, whichever ends first. Stops at ten failures. */
export async function fuzzImages(options: {
  seed: number;
  seconds: number;
  inputs?: number;
}): Promise<ImageFuzzResult> {
  const { seed, seconds, inputs = Number.POSITIVE_INFINITY } = options;
  const deadline = performance.now() + seconds * 1000;
  const parent = mkdtempSync(join(realpathSync(tmpdir()), "statigo-image-fuzz-"));
  const failures: string[] = [];
  const counts = { unpacked: 0, refused: 0 };
  let count = 0;
  try {
    for (; count < inputs && failures.length < 10 && performance.now() < deadline; count++) {
      const random = new Random(seed + count);
      const jail = buildJail(parent, count);
      try {
        const result = await unpack(jail, random);
        counts[result] += 1;
        const problem = checkJail(jail, result === "unpacked") || fuzzManifest(random);
        if (problem !== "") failures.push(`seed ${seed + count}: ${problem}`);
      } catch (error) {
        failures.push(`seed ${seed + count}: threw ${(error as Error).stack ?? error}`);
      }
      rmSync(jail.root, { recursive: true, force: true });
    }
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
  return { inputs: count, ...counts, failures };
}
