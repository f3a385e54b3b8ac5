/** A site as large as is asked for: pages of words, scripts, and pictures that nothing makes smaller. */
import { createCipheriv } from "node:crypto";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface SiteSize {
  files: number;
  totalBytes: number;
}

/** Of the bytes; the rest is pictures. */
const textShare = 0.4;
/** Of the files. */
const pagesOfTen = 6;
const filesInFolder = 100;

/** The same for the same seed. */
export function makeSite(folder: string, { files, totalBytes }: SiteSize, seed: number): void {
  const pageBytes = Math.floor((totalBytes * textShare) / ((files * pagesOfTen) / 10));
  const pictureBytes = Math.floor((totalBytes * (1 - textShare)) / ((files * (10 - pagesOfTen)) / 10));
  const random = noise((files + 1) * 64, seed);
  const words = makeWords(noise(40_000, 1));
  for (let index = 0; index < files; index++) {
    const place = join(folder, `section-${Math.floor(index / filesInFolder)}`);
    if (index % filesInFolder === 0) mkdirSync(place, { recursive: true });
    if (index % 10 < pagesOfTen) {
      const page = makePage(words, random.subarray(index * 64, index * 64 + 64), pageBytes);
      writeFileSync(join(place, `page-${index}.html`), page);
    } else writeFileSync(join(place, `photo-${index}.jpg`), noise(pictureBytes, seed * files + index + 2));
  }
  writeFileSync(join(folder, "index.html"), "<h1>A site</h1>");
}

export function editPage(folder: string): void {
  appendFileSync(join(folder, "section-0/page-0.html"), "<p>edited</p>");
}

function noise(sizeBytes: number, seed: number): Buffer {
  const key = Buffer.alloc(16);
  key.writeUInt32LE(seed, 0);
  return createCipheriv("aes-128-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}

function makeWords(bytes: Buffer): string[] {
  return Array.from({ length: 4000 }, (_, index) => {
    const letters = bytes.subarray(index * 10, index * 10 + 3 + ((bytes[index * 10] ?? 0) % 7));
    return [...letters].map((byte) => "etaoinshrdlucmfwypvbgk".charAt(byte % 22)).join("");
  });
}

/** Common words come often, as in any language. */
function makePage(words: readonly string[], random: Buffer, sizeBytes: number): string {
  let state = random.readUInt32LE(0) | 1;
  const parts: string[] = ["<!doctype html><title>A page</title><article>"];
  for (let length = 0; length < sizeBytes; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const word = words[Math.floor((state / 2 ** 32) ** 3 * words.length)] ?? "";
    const part = state % 40 === 0 ? `</p>\n<p class="text">${word}` : word;
    parts.push(part);
    length += part.length + 1;
  }
  return parts.join(" ").slice(0, sizeBytes);
}
