/**
 * Compiles server/native/main.ts ahead of time into one static executable.
 *
 *   tsx build/native.ts              dist/native/statigo            x86-64, static musl, stripped
 *   tsx build/native.ts --arm64      dist/native/linux-arm64/statigo   the same for 64-bit ARM, by Debian's cross compiler
 *   tsx build/native.ts --sanitize   dist/native/statigo-sanitize   glibc, address + undefined + reference-count audit
 *   … --keep-counts                  the same, named …-counted      with the reference counting as emitted, to compare with
 *
 * scriptc turns the TypeScript into one C file (no C compiler involved) and names the
 * runtime sources that the program needs; both are compiled here, so that size, flags and
 * reproducibility are ours. In between, reference-counts.ts takes out of the C what need not
 * be counted. The runtime's objects are cached in .cache/native.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { unpackForeign } from "./foreign-package.ts";
import { type LinkedLibraries, writeNativeBill } from "./native-sbom.ts";
import { dropNeedlessCounts, formProblem } from "./reference-counts.ts";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "..");
const entry = "server/native/main.ts";
const bindings = "server/native/transport.json";
const ownSources = ["server/native/transport.c", "server/native/hash.c", "server/native/stand-ins.c"];

interface Toolchain {
  readonly compiler: string;
  readonly compileFlags: readonly string[];
  readonly linkFlags: readonly string[];
  /** What goes behind the objects. */
  readonly libraries: readonly string[];
  /** Takes out of the result what no program needs; undefined where it is kept. */
  readonly objcopy: string | undefined;
  /** What is linked, for the bill of materials; undefined for a build that is passed on to nobody. */
  readonly linked: LinkedLibraries | undefined;
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

const releaseFlags = [
  ...sharedFlags,
  "-Os",
  "-fno-pie",
  "-fno-asynchronous-unwind-tables",
  "-fno-unwind-tables",
  "-DSCR_MUSL",
  // Asserts would embed the paths of this machine and make the bytes depend on it.
  "-DNDEBUG",
];
const releaseLinkFlags = [
  "-static",
  "-Wl,--gc-sections",
  "-Wl,--build-id=none",
  "-Wl,-z,noseparate-code",
  // Without an interpreter nothing makes it read-only later; its place in the file would be filled up to a page.
  "-Wl,-z,norelro",
  "-s",
];

const release: Toolchain = {
  compiler: "musl-gcc",
  compileFlags: releaseFlags,
  linkFlags: releaseLinkFlags,
  libraries: ["-lm", "-lpthread"],
  objcopy: "objcopy",
  linked: { architecture: "amd64", musl: undefined },
  output: "dist/native/statigo",
};

/** Debian has no musl-gcc for it: the cross compiler is told by hand what that one's specs file says. */
async function arm64(): Promise<Toolchain> {
  const compiler = "aarch64-linux-gnu-gcc";
  const musl = await unpackForeign("arm64", "musl-dev");
  const library = join(musl, "usr/lib/aarch64-linux-musl");
  const own = async (name: string) => (await run(compiler, [`-print-file-name=${name}`])).stdout.trim();
  const headers = [
    "-isystem",
    join(musl, "usr/include/aarch64-linux-musl"),
    "-isystem",
    await own("include"),
  ];
  return {
    compiler,
    // Atomics in line: as calls they would need a library of glibc's.
    compileFlags: [...releaseFlags, "-mno-outline-atomics", "-nostdinc", ...headers],
    linkFlags: [...releaseLinkFlags, "-nostdlib", join(library, "crt1.o"), join(library, "crti.o")],
    libraries: [join(library, "libc.a"), await own("libgcc.a"), join(library, "crtn.o")],
    objcopy: "aarch64-linux-gnu-objcopy",
    linked: { architecture: "arm64", musl },
    output: "dist/native/linux-arm64/statigo",
  };
}

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
  libraries: ["-lm", "-lpthread"],
  objcopy: undefined,
  linked: undefined,
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

/** The emitted C with less counting; throws where its form is not the known one. */
function withFewerCounts(emitted: string): string {
  const { version } = JSON.parse(readFileSync(join(root, "node_modules/scriptc/package.json"), "utf8"));
  const source = dropNeedlessCounts(emitted);
  const problem = formProblem(version, emitted, source);
  if (problem !== "") throw new Error(problem);
  return source;
}

async function build(toolchain: Toolchain, keepCounts: boolean): Promise<void> {
  const cache = join(root, ".cache/native");
  const name = `${toolchain.output}${keepCounts ? "-counted" : ""}`;
  const output = join(root, name);
  mkdirSync(cache, { recursive: true });
  mkdirSync(dirname(output), { recursive: true });
  // Of its own for each output: builds run beside each other, and one took the other's with all its counting.
  const own = name.replaceAll("/", "-");
  const program = join(cache, `${own}-program.c`);
  await scriptc(["--emit", "c", "--backend", "c", "-o", program]);
  if (!keepCounts) writeFileSync(program, withFewerCounts(readFileSync(program, "utf8")));
  const info = parseLinkInfo(await scriptc(["--print", "native-link-info", "-o", join(cache, `${own}.o`)]));
  const pack = info.runtime_pack;
  const compilerVersion = (await run(toolchain.compiler, ["--version"])).stdout.split("\n")[0] ?? "";
  const salt = `${compilerVersion} ${pack.version}`;
  const units = pack.source_sets.flatMap((set) => {
    const includes = set.include_directories.map((directory) => join(pack.root, directory));
    return set.sources.map((source): Unit => ({ source: join(pack.root, source), includes }));
  });
  const includes = units[0]?.includes ?? [];
  const ours = [program, ...ownSources.map((source) => join(root, source))].map(
    (source): Unit => ({ source, includes }),
  );
  const objects = await mapParallel([...ours, ...units], (unit) => compile(toolchain, unit, salt));
  await run(toolchain.compiler, [...toolchain.linkFlags, ...objects, ...toolchain.libraries, "-o", output]);
  if (toolchain.objcopy !== undefined) {
    await run(toolchain.objcopy, [
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
  if (toolchain.linked !== undefined) {
    const sources = pack.source_sets.flatMap((set) => set.sources);
    const { compiler, linked: libraries } = toolchain;
    writeNativeBill({ root, binary: output, sources, ownSources, compiler, libraries });
  }
  console.log(`${name}  ${statSync(output).size} bytes`);
}

async function chooseToolchain(): Promise<Toolchain> {
  if (process.argv.includes("--arm64")) return arm64();
  return process.argv.includes("--sanitize") ? sanitize : release;
}

try {
  await build(await chooseToolchain(), process.argv.includes("--keep-counts"));
} catch (error) {
  const failure = error as NodeJS.ErrnoException & { stderr?: string; stdout?: string };
  const packages = process.argv.includes("--arm64") ? "gcc-aarch64-linux-gnu" : "gcc musl-tools";
  const hint =
    failure.code === "ENOENT"
      ? `${failure.path} was not found: apt-get install ${packages}`
      : failure.message;
  console.error(`build:native: ${hint}\n${failure.stdout ?? ""}`);
  process.exitCode = 1;
}
