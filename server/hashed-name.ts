/**
 * Whether a file's name holds a hash of its content, so that it may be cached for good: another content gets
 * another name. A name taken wrongly for hashed leaves visitors with an old file for a year; one that is missed
 * costs a 304. So what could be a word, a date, a size, a version or an identifier is not taken for a hash.
 *
 * Hexadecimal: webpack, Next.js, Parcel, Gatsby, Hugo, Sprockets, jekyll-assets, Django. Eight characters of base64url or
 * base32: Rollup and Vite, Astro, esbuild and Angular.
 */
import { textAt } from "./text.ts";

/** Documents and data keep their names when they change, whatever these look like. */
const hashedTypes = [
  "text/css",
  "text/javascript",
  "image/",
  "font/",
  "audio/",
  "video/",
  "application/wasm",
];
/** Their builders promise that nothing below is ever changed, whatever its name. */
const immutableFolders = ["/_next/static/", "/_app/immutable/"];
/** February and December are hexadecimal: `5feb2024`. */
const hexMonths = ["feb", "dec"];

/** What a text is made of. */
class Shape {
  uppers = 0;
  lowers = 0;
  digits = 0;
  others = 0;
  /** Runs of digits, of letters (as in CamelCase), of others. */
  runs = 0;
  /** Runs of letters that can't be said: without a vowel, or with four consonants in a row. */
  unspeakable = 0;
}

function isUpper(code: number): boolean {
  return code >= 65 && code <= 90;
}

function isLower(code: number): boolean {
  return code >= 97 && code <= 122;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isUnspeakable(word: string): boolean {
  let hasVowel = false;
  let consonants = 0;
  for (let i = 0; i < word.length; i++) {
    const isVowel = "aeiouyAEIOUY".includes(word.charAt(i));
    hasVowel = hasVowel || isVowel;
    consonants = isVowel ? 0 : consonants + 1;
    if (consonants === 4) return true;
  }
  return !hasVowel;
}

function shapeOf(text: string): Shape {
  const shape = new Shape();
  let i = 0;
  while (i < text.length) {
    const start = i;
    shape.runs += 1;
    while (i < text.length && isDigit(text.charCodeAt(i))) i++;
    shape.digits += i - start;
    if (i > start) continue;
    while (i < text.length && isUpper(text.charCodeAt(i))) i++;
    shape.uppers += i - start;
    const lower = i;
    while (i < text.length && isLower(text.charCodeAt(i))) i++;
    shape.lowers += i - lower;
    if (i === start) {
      shape.others += 1;
      i++;
    } else if (isUnspeakable(text.slice(start, i))) shape.unspeakable += 1;
  }
  return shape;
}

/** The letters of lower-case hexadecimal digits; "?" where the text is none. */
function hexLetters(text: string): string {
  let letters = "";
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (!"0123456789abcdef".includes(character)) return "?";
    if (character > "9") letters += character;
  }
  return letters;
}

/** @param afterDot where words are rarer: `menu-cafe2024.png` is likelier than `menu.cafe2024.png` */
function isHexHash(text: string, afterDot: boolean): boolean {
  const length = text.length;
  if (length !== 8 && (length < 10 || length % 2 !== 0)) return false;
  const letters = hexLetters(text);
  // Digits alone are a date or a number, letters alone a word.
  if (letters === "?" || letters === "" || letters.length === length) return false;
  if (hexMonths.includes(letters)) return false;
  if (afterDot) return true;
  // The last group of a UUID, which identifies a thing and not its content.
  if (length === 12) return false;
  return length >= 16 || shapeOf(text).runs >= 3;
}

/** @param isCode of scripts and style sheets, whose makers name them by hand less freely than images */
function isMixedHash(text: string, isCode: boolean): boolean {
  const shape = shapeOf(text);
  if (text.length !== 8 || shape.uppers === 0) return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (!isUpper(code) && !isLower(code) && !isDigit(code) && code !== 45 && code !== 95) return false;
  }
  if (!isCode) return shape.runs >= 3 && shape.unspeakable >= (shape.others > 0 ? 2 : 1);
  if (shape.lowers === 0) return shape.unspeakable > 0 || (shape.digits > 0 && shape.runs > 1);
  return shape.runs >= 4 || shape.unspeakable >= 2 || (shape.runs === 3 && shape.unspeakable === 1);
}

/** Whether a part of the name between dots is a hash or ends with one. */
function hasHash(part: string, isFirst: boolean, isCode: boolean): boolean {
  // A whole name that is a hash: webpack's assets.
  if (isFirst ? part.length >= 16 && isHexHash(part, true) : isHexHash(part, true)) return true;
  if (!isFirst && isMixedHash(part, isCode)) return true;
  if (isHexHash(part.slice(part.lastIndexOf("-") + 1), false)) return part.includes("-");
  // base64url has the dash among its digits, so its place is counted from the end.
  const at = part.length - 8;
  return at > 1 && part.charAt(at - 1) === "-" && isMixedHash(part.slice(at), isCode);
}

function isHashedType(type: string): boolean {
  for (const start of hashedTypes) {
    if (type.startsWith(start)) return true;
  }
  return false;
}

/**
 * @param path of the file below the root
 * @param type its media type
 */
export function isHashedName(path: string, type: string): boolean {
  const isMap = path.endsWith(".map");
  if (!isMap && !isHashedType(type)) return false;
  for (const folder of immutableFolders) {
    if (path.startsWith(folder)) return true;
  }
  const isCode = isMap || type.startsWith("text/") || type.startsWith("application/");
  const parts = path.slice(path.lastIndexOf("/") + 1).split(".");
  for (let i = 0; i < parts.length - 1; i++) {
    if (hasHash(textAt(parts, i), i === 0, isCode)) return true;
  }
  return false;
}
