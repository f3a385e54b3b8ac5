import { closeSync, openSync, readSync } from "node:fs";
import { tarBlockBytes } from "./make/tar-header.ts";

/** What only archives of images have: a layout's mark, or Docker's list beside what it lists. */
const layoutMark = "oci-layout";
const dockerList = "manifest.json";
const dockerPart = /^(?:blobs\/sha256\/|[0-9a-f]{64}(?:\.json$|\/))/;
const maximumMembers = 10_000;

/** Whether a file is a tar archive of images. Only the headers are read, so that a large one takes no time. */
export function isImageArchive(file: string): boolean {
  const names = new Set<string>();
  for (const name of memberNames(file)) {
    if (name === layoutMark) return true;
    names.add(name);
  }
  return names.has(dockerList) && [...names].some((name) => dockerPart.test(name));
}

function* memberNames(file: string): Generator<string> {
  const descriptor = openSync(file, "r");
  try {
    const header = Buffer.alloc(tarBlockBytes);
    let at = 0;
    for (let member = 0; member < maximumMembers; member++) {
      if (readSync(descriptor, header, 0, tarBlockBytes, at) < tarBlockBytes) return;
      if (header.toString("latin1", 257, 262) !== "ustar") return;
      yield textOf(header, 0, 100).replace(/^\.\//, "");
      at += tarBlockBytes * (1 + Math.ceil(sizeOf(header) / tarBlockBytes));
    }
  } finally {
    closeSync(descriptor);
  }
}

function textOf(header: Buffer, start: number, length: number): string {
  return header.toString("latin1", start, start + length).replace(/\0.*$/s, "");
}

/** In octal digits, or, of more than 8 GiB, as GNU tar writes it: a number behind a first byte of 128. */
function sizeOf(header: Buffer): number {
  if (header[124] === 128) return Number(header.readBigUInt64BE(128));
  return Number.parseInt(textOf(header, 124, 12), 8) || 0;
}
