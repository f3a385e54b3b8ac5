/** The dashboard's page in dist/dashboard: its script and its style, with hashes in their names, and compressed. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { bundledFiles } from "./notices.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const client = join(root, "hook/dashboard/client");
const target = join(root, "dist/dashboard");

/** Resolves to the files that went into it. */
export async function buildDashboard(): Promise<string[]> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: ["main.tsx", "theme.ts", "style.css", "icon.svg"].map((name) => join(client, name)),
    loader: { ".svg": "copy" },
    outdir: target,
    entryNames: "[name]-[hash]",
    bundle: true,
    format: "iife",
    minify: true,
    jsx: "automatic",
    jsxImportSource: "preact",
    target: ["chrome120", "firefox120", "safari17"],
    legalComments: "none",
    write: false,
    metafile: true,
    logLevel: "warning",
  });
  const files = new Map<string, Uint8Array>(
    outputFiles.map(({ path, contents }) => [basename(path), contents]),
  );
  files.set("index.html", Buffer.from(fillPage([...files.keys()])));
  writeAll(files);
  return bundledFiles(metafile);
}

/** `{{main.js}}` in the page becomes the script's name with its hash. */
function fillPage(names: readonly string[]): string {
  const page = readFileSync(join(client, "index.html"), "utf8");
  return page.replace(/\{\{(\w+)\.(\w+)\}\}/g, (_, stem: string, extension: string) => {
    const found = names.find((name) => name.startsWith(`${stem}-`) && name.endsWith(`.${extension}`));
    if (found === undefined) throw new Error(`the page names ${stem}.${extension}, which was not built`);
    return found;
  });
}

/** Each is put in its place as a whole: a hook that is running may be reading them. */
function writeAll(files: ReadonlyMap<string, Uint8Array>): void {
  mkdirSync(target, { recursive: true });
  const all = [...files].flatMap(([name, contents]) => [
    [name, contents] as const,
    [`${name}.br`, brotliCompressSync(contents)] as const,
    [`${name}.gz`, gzipSync(contents, { level: 9 })] as const,
  ]);
  for (const [name, contents] of all) {
    const temporary = join(target, `.${name}.${process.pid}`);
    writeFileSync(temporary, contents);
    renameSync(temporary, join(target, name));
  }
  const known = new Set(all.map(([name]) => name));
  for (const name of readdirSync(target)) {
    if (!known.has(name) && !name.startsWith(".")) rmSync(join(target, name), { force: true });
  }
}

if (import.meta.main) await buildDashboard();
