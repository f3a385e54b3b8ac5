/** From a request target (RFC 9112 3.2) to a safe path below the root. */
import { textAt } from "./text.ts";

/** `error` is 0 or the status that answers the request. `path` starts with one slash and holds no dot segment. */
export class Route {
  readonly error: number;
  /** Decoded; ends with a slash where the request's did. */
  readonly path: string;
  /** As sent, with its question mark, or empty. */
  readonly query: string;
  constructor(error: number, path: string, query: string) {
    this.error = error;
    this.path = path;
    this.query = query;
  }
}

const badRequest = new Route(400, "", "");
const notFound = new Route(404, "", "");

function hexValue(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  if (code >= 65 && code <= 70) return code - 55;
  if (code >= 97 && code <= 102) return code - 87;
  return -1;
}

/** The path part of an absolute-form target (`http://host/path`), or "" where it is of no form a GET may have. */
export function originForm(target: string): string {
  if (target.startsWith("/")) return target;
  const lower = target.slice(0, 8).toLowerCase();
  const authority = lower.startsWith("http://") ? 7 : lower.startsWith("https://") ? 8 : -1;
  if (authority < 0) return "";
  for (let i = authority; i < target.length; i++) {
    const character = target.charAt(i);
    if (character === "/") return i === authority ? "" : target.slice(i);
    if (character === "?") return i === authority ? "" : `/${target.slice(i)}`;
  }
  return target.length === authority ? "" : "/";
}

/** Percent-decodes a path into UTF-8 text; an escape that is none, or a NUL, gives "". */
export function decodePath(text: string): string {
  const bytes = Buffer.from(text, "latin1");
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i);
    if (code === 37) {
      if (i + 2 >= text.length) return "";
      const high = hexValue(text.charCodeAt(i + 1));
      const low = hexValue(text.charCodeAt(i + 2));
      if (high < 0 || low < 0) return "";
      code = high * 16 + low;
      i += 2;
    }
    if (code === 0) return "";
    bytes[length] = code;
    length++;
  }
  return bytes.toString("utf8", 0, length);
}

/** Resolves `.`, `..` and empty segments; "" where the path would leave the root. */
function normalizePath(path: string): string {
  const kept: string[] = [];
  const segments = path.split("/");
  const last = segments.length - 1;
  let endsWithSlash = false;
  for (let i = 1; i <= last; i++) {
    const segment = textAt(segments, i);
    endsWithSlash = segment === "" || segment === "." || segment === "..";
    if (segment === "..") {
      if (kept.length === 0) return "";
      kept.pop();
    } else if (!endsWithSlash) kept.push(segment);
  }
  if (kept.length === 0) return "/";
  return `/${kept.join("/")}${endsWithSlash ? "/" : ""}`;
}

/** Whether a path may be used as it stands: the common case, told without taking it apart. */
function isPlain(path: string): boolean {
  if (path.includes("%") || path.includes("//") || path.includes("/.")) return false;
  for (let i = 0; i < path.length; i++) {
    if (path.charCodeAt(i) > 126) return false;
  }
  return true;
}

/** Resolves a request target. `..` above the root, a broken escape or a fragment is 400. */
export function routeTarget(target: string): Route {
  const form = originForm(target);
  if (form === "" || form.includes("#")) return badRequest;
  const question = form.indexOf("?");
  const raw = question < 0 ? form : form.slice(0, question);
  const query = question < 0 ? "" : form.slice(question);
  if (isPlain(raw)) return new Route(0, raw, query);
  const decoded = decodePath(raw);
  if (decoded === "") return badRequest;
  // An escaped slash is part of a name, and no file's name holds one.
  if (raw.toLowerCase().includes("%2f")) return notFound;
  const path = normalizePath(decoded);
  return path === "" ? badRequest : new Route(0, path, query);
}

/** Whether a segment starts with a dot; `/.well-known/` is meant to be public (RFC 8615). */
export function isHidden(path: string): boolean {
  const from = path.startsWith("/.well-known/") ? 13 : 0;
  return path.slice(from).includes("/.") || (from > 0 && path.charAt(from) === ".");
}

const unescaped = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@/";
const hexDigits = "0123456789ABCDEF";

function percentEncode(text: string, kept: string): string {
  const bytes = Buffer.from(text, "utf8");
  const parts: string[] = [];
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    const character = byte < 128 ? String.fromCharCode(byte) : "";
    if (byte < 128 && kept.includes(character)) parts.push(character);
    else parts.push(`%${hexDigits.charAt(byte >> 4)}${hexDigits.charAt(byte & 15)}`);
  }
  return parts.join("");
}

/** Percent-encodes a path for a Location field; a path that starts with one slash can't turn into another host. */
export function encodePath(path: string): string {
  return percentEncode(path, unescaped);
}

/** Percent-encodes what can't stand in a header field of a location that is otherwise as its author wants it. */
export function encodeLocation(location: string): string {
  return percentEncode(location, `${unescaped}%?#[]"<>^{|}\\\``);
}
