/** The licences of what others wrote and the package contains: dist/THIRD-PARTY.txt. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Metafile } from "esbuild";

const separator = `\n${"=".repeat(78)}\n`;

/** Compiled into the native server, so no bundle names it. */
const nativeParts = ["node_modules/@scriptc/runtime"];

const musl = `musl libc: MIT

Copyright © 2005-2020 Rich Felker, et al.

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

/** The files of which something is in a bundle: what is imported and not used is not. */
export function bundledFiles({ outputs }: Metafile): string[] {
  const inputs = Object.values(outputs).flatMap((output) => Object.entries(output.inputs));
  return inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([file]) => file);
}

/** The folders of the packages that the files of a bundle come from. */
export function packageFolders(inputs: Iterable<string>): string[] {
  const folders = [...inputs].flatMap((input) => {
    const end = input.lastIndexOf("node_modules/") + "node_modules/".length;
    const [scope = "", name = ""] = input.slice(end).split("/");
    if (end < "node_modules/".length) return [];
    return [input.slice(0, end) + (scope.startsWith("@") ? `${scope}/${name}` : scope)];
  });
  return [...new Set(folders)].sort();
}

/** @param inputs the files that went into the bundles, below `root` */
export function writeNotices(root: string, inputs: Iterable<string>, output: string): void {
  const titles = new Map<string, string[]>();
  for (const folder of [...packageFolders(inputs), ...nativeParts]) {
    const { title, text } = describe(root, folder);
    titles.set(text, [...(titles.get(text) ?? []), title]);
  }
  const texts = [...titles].map(([text, of]) => `${of.join("\n")}\n\n${text}`);
  const introduction = "statigo is licensed under Apache-2.0 (LICENSE). What it contains of others:";
  writeFileSync(output, `${[introduction, ...texts, ...vendoredNotices(root), musl].join(separator)}\n`);
}

/** What the compiler's runtime took from others; of ryu nothing need be said, since a binary is all that is passed on. */
function vendoredNotices(root: string): string[] {
  const read = (file: string) => readFileSync(join(root, "node_modules/@scriptc/runtime", file), "utf8");
  const ownNotice = /^ \* (Copyright .*[\s\S]*?) \*\//m.exec(read("src/scr_musl.c"))?.[1];
  if (ownNotice === undefined) throw new Error("@scriptc/runtime: src/scr_musl.c has no notice any more");
  return [
    `quickjs-ng, its regular expressions: MIT\n\n${read("vendor/quickjs-ng/LICENSE").trim()}`,
    `libucontext: ISC\n\n${ownNotice.replaceAll(/^ \* ?/gm, "")}`,
  ];
}

function describe(root: string, folder: string): { title: string; text: string } {
  const { name, version, license } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
  const files = readdirSync(join(root, folder));
  const read = (pattern: RegExp) =>
    files
      .filter((file) => pattern.test(file))
      .map((file) => readFileSync(join(root, folder, file), "utf8").trim());
  const texts = read(/^(licen[cs]e|copying|notice)/i);
  // Some authors put the licence, or where it is found, at the end of the README and nowhere else.
  if (texts.length === 0) texts.push(...read(/^readme\.md$/i).map(licenceIn));
  if (texts.join("") === "") throw new Error(`${folder}: no licence found, in a file or in the README`);
  return { title: `${name} ${version}: ${license}`, text: texts.join("\n\n") };
}

function licenceIn(readme: string): string {
  return /^#+ *licen[cs]e\b.*$([\s\S]*?)(?=^#|(?![\s\S]))/im.exec(readme)?.[1]?.trim() ?? "";
}
