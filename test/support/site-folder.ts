/** The folder that the wire tests serve: one of everything that matters. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";

/** All files were last modified then: Sun, 06 Nov 1994 08:49:37 GMT. */
export const modified = new Date(Date.UTC(1994, 10, 6, 8, 49, 37));
export const modifiedText = "Sun, 06 Nov 1994 08:49:37 GMT";

export const script = "export const answer = 42;\n".repeat(200);
/** Not a multiple of any chunk size. */
export const bigSizeBytes = 3_000_017;

export function bigContent(): Buffer {
  const content = Buffer.alloc(bigSizeBytes);
  let state = 1;
  for (let i = 0; i < content.length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    content[i] = state >> 16;
  }
  return content;
}

export interface SiteFolder {
  /** The folder served. */
  readonly root: string;
  /** Its parent, with a file that must never be served. */
  readonly parent: string;
  remove(): void;
}

export function writeSiteFile(root: string, name: string, content: string | Buffer): void {
  const file = join(root, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  utimesSync(file, modified, modified);
}

export function makeSiteFolder(): SiteFolder {
  const parent = mkdtempSync(join(tmpdir(), "statigo-wire-"));
  const root = join(parent, "site");
  const write = (name: string, content: string | Buffer) => writeSiteFile(root, name, content);
  write("index.html", "<h1>home</h1>\n");
  write("404.html", "<h1>not here</h1>\n");
  write("page.html", "<h1>page</h1>\n");
  write("digits.txt", "0123456789");
  write("empty.txt", "");
  write("docs/index.html", "<h1>docs</h1>\n");
  write("docs/guide.html", "<h1>guide</h1>\n");
  write("assets/style.css", "body { color: black }\n");
  write("name with space.txt", "space\n");
  write("grüße.txt", "hallo\n");
  write("quote'\"<&>.txt", "quote\n");
  write("noindex/file.txt", "file\n");
  write("unknown.nosuch", "octets\n");
  write("app.js", script);
  write("app.js.br", brotliCompressSync(script));
  write("app.js.gz", gzipSync(script));
  write("app.js.zst", zstdCompressSync(script));
  write("only-gzip.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>\n");
  write("only-gzip.svg.gz", gzipSync("<svg xmlns='http://www.w3.org/2000/svg'/>\n"));
  write("big.bin", bigContent());
  write(".hidden", "secret\n");
  write(".git/config", "secret\n");
  write("docs/.env", "secret\n");
  write(".well-known/security.txt", "Contact: mailto:a@example.org\n");
  write(".well-known/.secret", "secret\n");
  write("../outside.txt", "outside\n");
  write("../site-sibling/file.txt", "sibling\n");
  symlinkSync("../outside.txt", join(root, "escape.txt"));
  symlinkSync("..", join(root, "up"));
  symlinkSync("/etc", join(root, "etc"));
  symlinkSync("../site-sibling", join(root, "sibling"));
  symlinkSync("page.html", join(root, "alias.html"));
  symlinkSync("docs", join(root, "manual"));
  symlinkSync("loop", join(root, "loop"));
  return { root, parent, remove: () => rmSync(parent, { recursive: true, force: true }) };
}
