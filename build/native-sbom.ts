/** What is in the native server: the compiler's runtime with what it took from others, libc, libgcc and our own C. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { type Part, packageParts, writeBill } from "./sbom.ts";

/** Where the libraries of Debian that are linked come from. */
export interface LinkedLibraries {
  /** As Debian names it. */
  readonly architecture: string;
  /** The folder that the package musl-dev was unpacked in; undefined when it is installed. */
  readonly musl: string | undefined;
}

export interface NativeBuild {
  readonly root: string;
  readonly binary: string;
  /** What was compiled of the runtime, below its folder. */
  readonly sources: readonly string[];
  readonly ownSources: readonly string[];
  readonly compiler: string;
  readonly libraries: LinkedLibraries;
}

const runtime = "node_modules/@scriptc/runtime";

/** What the runtime took from others and our server contains; its vendor/README.md says of which version. */
const vendored = [
  { name: "libucontext", owner: "kaniini", license: "ISC", title: "libucontext (derived source)" },
  { name: "ryu", owner: "ulfjack", license: "BSL-1.0", title: "ryu/" },
  { name: "quickjs", owner: "quickjs-ng", license: "MIT", title: "quickjs-ng/" },
] as const;

function vendoredParts(root: string): Part[] {
  const sections = readFileSync(join(root, runtime, "vendor/README.md"), "utf8").split(/^## /m);
  return vendored.map(({ name, owner, license, title }) => {
    const section = sections.find((text) => text.startsWith(`${title}\n`)) ?? "";
    const version = /^- (?:Version|Commit): (\S+)$/m.exec(section)?.[1];
    if (version === undefined)
      throw new Error(`${runtime}/vendor/README.md tells no version of ${title}: see build/native-sbom.ts`);
    return { name, version, license, purl: `pkg:github/${owner}/${name}@${version}` };
  });
}

/** @throws when the compiler begins to use another library that it carries, which would be missing in the document */
export function checkVendored(sources: readonly string[]): void {
  const folders = sources.flatMap((source) => /^vendor\/([^/]+\/)/.exec(source)?.[1] ?? []);
  const unknown = folders.find((folder) => !vendored.some(({ title }) => title === folder));
  if (unknown !== undefined)
    throw new Error(
      `vendor/${unknown} of ${runtime} is compiled in, and build/native-sbom.ts does not name it`,
    );
}

/** What a program prints, or undefined where there is no such program or it knows no answer. */
function ask(program: string, ...args: string[]): string | undefined {
  try {
    return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return undefined;
  }
}

function debianPart(name: string, license: string, version: string | undefined, architecture: string): Part {
  const purl = version && `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}`;
  return { name, version, license, purl };
}

const installed = (name: string) => ask("dpkg-query", "--show", "--showformat", "$" + "{Version}", name);

function muslPart({ architecture, musl }: LinkedLibraries): Part {
  const changes = join(musl ?? "/", "usr/share/doc/musl-dev/changelog.Debian.gz");
  const version =
    musl === undefined
      ? installed(`musl-dev:${architecture}`)
      : existsSync(changes) && /^\S+ \((\S+)\)/.exec(gunzipSync(readFileSync(changes)).toString())?.[1];
  return debianPart("musl-dev", "MIT", version || undefined, architecture);
}

/** Whichever package the compiler's own libgcc.a is of: its name has the compiler's version in it. */
function libgccPart(compiler: string, architecture: string): Part {
  const file = ask(compiler, "-print-libgcc-file-name") ?? "";
  const [name = "", of = ""] = (ask("dpkg", "--search", file) ?? "").split(/:\s?/);
  const license = "GPL-3.0-or-later WITH GCC-exception-3.1";
  if (name === "") return { name: "libgcc", version: undefined, license, purl: undefined };
  const isForAll = of.startsWith("/");
  return debianPart(
    name,
    license,
    installed(isForAll ? name : `${name}:${of}`),
    isForAll ? "all" : architecture,
  );
}

const sha256Of = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");

/** Beside the binary, never in it or its image: `statigo.cdx.json`. */
export function writeNativeBill(build: NativeBuild): void {
  const { root, binary, libraries } = build;
  checkVendored(build.sources);
  const { version, license } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const sources = build.ownSources.map((name) => ({ name, sha256: sha256Of(join(root, name)) }));
  const product = { name: "statigo", version, license, sha256: sha256Of(binary), sources };
  writeBill(`${binary}.cdx.json`, product, [
    ...packageParts(root, [runtime]),
    ...vendoredParts(root),
    muslPart(libraries),
    libgccPart(build.compiler, libraries.architecture),
  ]);
}
