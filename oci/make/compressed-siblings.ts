import { createReadStream, createWriteStream } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createBrotliCompress, createGzip, createZstdCompress } from "node:zlib";
import type { Progress } from "../progress.ts";
import type { ArchiveEntry } from "./archive.ts";
import { inParallel } from "./compress.ts";
import { comparePaths } from "./site-files.ts";

export interface SiblingOptions {
  entries: readonly ArchiveEntry[];
  /** A folder for this alone, which is there; the compressed files are written to it. */
  staging: string;
  progress: Progress;
  signal: AbortSignal;
}

interface Coding {
  ending: string;
  make(sizeBytes: number): Transform;
}

/** As small as they get: they are made once, and sent often. */
const codings: readonly Coding[] = [
  {
    ending: ".br",
    make: (sizeBytes) =>
      createBrotliCompress({
        params: {
          [constants.BROTLI_PARAM_QUALITY]: 11,
          [constants.BROTLI_PARAM_LGWIN]: 24,
          [constants.BROTLI_PARAM_SIZE_HINT]: sizeBytes,
        },
      }),
  },
  {
    ending: ".zst",
    make: (sizeBytes) =>
      createZstdCompress({
        // RFC 9659: browsers take a window of at most 8 MB.
        params: { [constants.ZSTD_c_compressionLevel]: 19, [constants.ZSTD_c_windowLog]: 23 },
        pledgedSrcSize: sizeBytes,
      }),
  },
  { ending: ".gz", make: () => createGzip({ level: 9 }) },
];

const endings = codings.map(({ ending }) => ending);
/** The header fields that go with a coding would take more than is saved. */
const minimumBytes = 200;
/** Of a sibling: what saves less is not worth a file. */
const maximumRatio = 0.97;
/** Read by the server, and sent to nobody. */
const serverFiles = new Set(["_headers", "_redirects"]);

/**
 * The entries with a compressed sibling for each file and coding where that saves bytes. Siblings that are there
 * already stay, and so does every file of the folder: new ones are in the image alone.
 */
export async function addCompressedSiblings(options: SiblingOptions): Promise<ArchiveEntry[]> {
  const { entries, progress, signal } = options;
  const known = new Set(entries.map(({ path }) => path));
  const jobs = entries.filter(isCandidate).flatMap((entry) => {
    const wanted = codings.filter(({ ending }) => !known.has(`${entry.path}${ending}`));
    return wanted.map((coding) => ({ entry, coding }));
  });
  const totalBytes = jobs.reduce((sum, { entry }) => sum + entry.sizeBytes, 0);
  const step = progress.begin("compressing", totalBytes);
  const added: ArchiveEntry[] = [];
  let number = 0;
  const make = async ({ entry, coding }: (typeof jobs)[number]) => {
    signal.throwIfAborted();
    const file = join(options.staging, `sibling-${number++}`);
    const sibling = await makeSibling(entry, coding, file, signal);
    step.add(entry.sizeBytes);
    return sibling;
  };
  for await (const sibling of inParallel(jobs, make, availableParallelism())) {
    if (sibling !== undefined) added.push(sibling);
  }
  const savedFiles = added.length;
  step.end(`${savedFiles} compressed files added`);
  return [...entries, ...added].sort((one, other) => comparePaths(one.path, other.path));
}

function isCandidate({ kind, path, sizeBytes }: ArchiveEntry): boolean {
  if (kind !== "file" || sizeBytes < minimumBytes || serverFiles.has(path)) return false;
  return !endings.some((ending) => path.endsWith(ending));
}

async function makeSibling(
  { path, sizeBytes, content, modifiedSeconds }: ArchiveEntry,
  { ending, make }: Coding,
  file: string,
  signal: AbortSignal,
): Promise<ArchiveEntry | undefined> {
  if (typeof content !== "string") return undefined;
  await pipeline(createReadStream(content), make(sizeBytes), createWriteStream(file), { signal });
  const { size } = await stat(file);
  if (size <= sizeBytes * maximumRatio) {
    const common = { kind: "file", mode: 0o644, target: "", modifiedSeconds } as const;
    return { ...common, path: `${path}${ending}`, sizeBytes: size, content: file };
  }
  await rm(file);
  return undefined;
}
