/**
 * Compiles server/native/main.ts ahead of time into one static executable.
 *
 *   tsx build/native.ts              dist/native/statigo            x86-64, static musl, stripped
 *   tsx build/native.ts --sanitize   dist/native/statigo-sanitize   glibc, address + undefined + reference-count audit
 *
 * scriptc turns the TypeScript into one C file (no C compiler involved) and names the
 * runtime sources that the program needs; both are compiled here, so that size, flags and
 * reproducibility are ours. The runtime's objects are cached in .cache/native.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "..");
const entry = "server/native/main.ts";
const bindings = "server/native/transport.json";
const ownSources = ["server/native/transport.c", "server/native/stand-ins.c"];

interface Toolchain {
  readonly compiler: string;
  readonly compileFlags: readonly string[];
  readonly linkFlags: readonly string[];
  readonly output: string;
}

const sharedFlags = [
  "-std=gnu11",
  "-ffunction-sections",
  "-fdata-sections",
  "-fno-math-errno",
  "-fno-strict-aliasing",
  "-D_GNU_SOURCE",
  // The emitted C is machine-made: its warnings say nothing about our source.
  "-w",
];

const release: Toolchain = {
  compiler: "musl-gcc",
  compileFlags: [
    ...sharedFlags,
    "-Os",
    "-fno-pie",
    "-fno-asynchronous-unwind-tables",
    "-fno-unwind-tables",
    "-DSCR_MUSL",
    // Asserts would embed the paths of this machine and make the bytes depend on it.
    "-DNDEBUG",
  ],
  linkFlags: ["-static", "-Wl,--gc-sections", "-Wl,--build-id=none", "-Wl,-z,noseparate-code", "-s"],
  output: "dist/native/statigo",
};

const sanitize: Toolchain = {
  compiler: "gcc",
  compileFlags: [
    ...sharedFlags,
    "-O1",
    "-g",
    "-fsanitize=address,undefined",
    "-fno-omit-frame-pointer",
    "-DSCR_RC_AUDIT",
  ],
  linkFlags: ["-fsanitize=address,undefined"],
  output: "dist/native/statigo-sanitize",
};

interface SourceSet {
  readonly sources: readonly string[];
  readonly include_directories: readonly string[];
}

interface LinkInfo {
  readonly runtime_pack: {
    readonly root: string;
    readonly version: string;
    readonly source_sets: readonly SourceSet[];
  };
}

/** The part of scriptc's `native-link-info.v1` that is used here; throws when the form is another. */
function parseLinkInfo(text: string): LinkInfo {
  const info = JSON.parse(text) as LinkInfo & { schema?: string };
  if (info.schema !== "scriptc.native-link-info.v1")
    throw new Error(`unknown link info ${info.schema}: check the scriptc version`);
  return info;
}

async function scriptc(args: readonly string[]): Promise<string> {
  const bin = join(root, "node_modules/.bin/scriptc");
  const env = { ...process.env, SCRIPTC_TARGET: "x86_64-linux-musl" };
  const { stdout } = await run(bin, ["build", entry, "--ffi", bindings, ...args], {
    cwd: root,
    env,
    maxBuffer: 1 << 26,
  });
  return stdout;
}

interface Unit {
  readonly source: string;
  readonly includes: readonly string[];
}

/** Compiles one C file, or finds its object in the cache; the key is everything that shapes the bytes. */
async function compile(toolchain: Toolchain, unit: Unit, salt: string): Promise<string> {
  const includeFlags = unit.includes.map((directory) => `-I${directory}`);
  const key = createHash("sha256")
    .update(JSON.stringify([toolchain.compiler, toolchain.compileFlags, salt]))
    .update(readFileSync(unit.source))
    .digest("hex")
    .slice(0, 24);
  const object = join(root, ".cache/native", `${basename(unit.source, ".c")}-${key}.o`);
  if (existsSync(object)) return object;
  // Written beside and renamed, so that a killed build leaves no half object behind.
  const partial = `${object}.${process.pid}`;
  await run(toolchain.compiler, [
    ...toolchain.compileFlags,
    ...includeFlags,
    "-c",
    unit.source,
    "-o",
    partial,
  ]);
  renameSync(partial, object);
  return object;
}

/** Maps with at most as many calls under way as there are processors. */
async function mapParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index] as T);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return results;
}

async function build(toolchain: Toolchain): Promise<void> {
  const cache = join(root, ".cache/native");
  const output = join(root, toolchain.output);
  mkdirSync(cache, { recursive: true });
  mkdirSync(dirname(output), { recursive: true });
  const program = join(cache, "program.c");
  await scriptc(["--emit", "c", "--backend", "c", "-o", program]);
  const info = parseLinkInfo(await scriptc(["--print", "native-link-info", "-o", join(cache, "program.o")]));
  const pack = info.runtime_pack;
  const compilerVersion = (await run(toolchain.compiler, ["--version"])).stdout.split("\n")[0] ?? "";
  const salt = `${compilerVersion} ${pack.version}`;
  const units = pack.source_sets.flatMap((set) => {
    const includes = set.include_directories.map((directory) => join(pack.root, directory));
    return set.sources.map((source): Unit => ({ source: join(pack.root, source), includes }));
  });
  const includes = units[0]?.includes ?? [];
  const own = [program, ...ownSources.map((source) => join(root, source))].map(
    (source): Unit => ({ source, includes }),
  );
  const objects = await mapParallel([...own, ...units], (unit) => compile(toolchain, unit, salt));
  await run(toolchain.compiler, [...toolchain.linkFlags, ...objects, "-lm", "-lpthread", "-o", output]);
  if (toolchain === release) {
    await run("objcopy", [
      "-R",
      ".comment",
      "-R",
      ".note*",
      "-R",
      ".eh_frame",
      "-R",
      ".eh_frame_hdr",
      output,
    ]);
  }
  console.log(`${toolchain.output}  ${statSync(output).size} bytes`);
}

const toolchain = process.argv.includes("--sanitize") ? sanitize : release;
try {
  await build(toolchain);
} catch (error) {
  const failure = error as NodeJS.ErrnoException & { stderr?: string; stdout?: string };
  const hint =
    failure.code === "ENOENT"
      ? `${toolchain.compiler} was not found: apt-get install gcc musl-tools`
      : failure.message;
  console.error(`build:native: ${hint}\n${failure.stdout ?? ""}`);
  process.exitCode = 1;
}
