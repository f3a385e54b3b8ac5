/** The sites that are served: made when first asked for, in a folder of the run. */
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";

const smallFileBytes = 4096;
const filesPerFolder = 500;
const blockBytes = 1_000_000;

/** The paths of a site of so many pages, 4 KB each. */
export function pagePaths(count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    return `/s${Math.floor(index / filesPerFolder)}/page-${index}.html`;
  });
}

function writePages(root: string, count: number): void {
  const page = Buffer.alloc(smallFileBytes, "<p>An ordinary page.</p>\n");
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, "index.html"), page);
  writeFileSync(join(root, "404.html"), "<h1>404 Not Found</h1>\n");
  const paths = pagePaths(count);
  for (const folder of new Set(paths.map((path) => dirname(path)))) mkdirSync(join(root, folder));
  for (const path of paths) writeFileSync(join(root, path), page);
}

export class Sites {
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** The root of a site of so many pages, with an index and a 404 page. */
  ofPages(count: number): string {
    const root = join(this.folder, `pages-${count}`);
    if (!existsSync(root)) writePages(root, count);
    return root;
  }

  /** A hundred pages. */
  ordinary(): string {
    return this.ofPages(100);
  }

  /** The path of a file of so many megabytes on the ordinary site. */
  bigFile(megabytes: number): string {
    const path = `/${megabytes}-megabytes.bin`;
    const file = join(this.ordinary(), path);
    if (existsSync(file)) return path;
    const block = randomBytes(blockBytes);
    const fd = openSync(file, "w");
    for (let i = 0; i < megabytes; i++) writeSync(fd, block);
    closeSync(fd);
    return path;
  }
}
