/** Who the client is behind proxies: X-Forwarded-For and Forwarded (RFC 7239), from those that are trusted only. */
import { textAt } from "./text.ts";

/** An address is 16 bytes; one of IPv4 is mapped into IPv6 (RFC 4291 2.5.5.2). */
export class Network {
  readonly bytes: number[];
  readonly prefixBits: number;
  constructor(bytes: number[], prefixBits: number) {
    this.bytes = bytes;
    this.prefixBits = prefixBits;
  }

  includes(address: number[]): boolean {
    for (let i = 0; i * 8 < this.prefixBits; i++) {
      const unusedBits = Math.max(0, 8 - (this.prefixBits - i * 8));
      if (((address[i] ?? 0) ^ (this.bytes[i] ?? 0)) >> unusedBits !== 0) return false;
    }
    return true;
  }
}

export const noNetworks: Network[] = [];

export class NetworkList {
  readonly networks: Network[];
  /** What is wrong, or "". */
  readonly problem: string;
  constructor(networks: Network[], problem: string) {
    this.networks = networks;
    this.problem = problem;
  }
}

/** Digits of a base as a number up to `most`, or -1. */
function parseNumber(text: string, base: number, most: number): number {
  if (text === "" || text.length > 4) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = "0123456789abcdef".indexOf(text.charAt(i).toLowerCase());
    if (digit < 0 || digit >= base) return -1;
    value = value * base + digit;
  }
  return value > most ? -1 : value;
}

/** Four bytes, or none where the text is no dotted quad. A leading zero is refused: some read it as octal. */
function parseQuad(text: string): number[] {
  const bytes: number[] = [];
  const parts = text.split(".");
  for (let i = 0; i < parts.length; i++) {
    const part = textAt(parts, i);
    const byte = part.length > 1 && part.startsWith("0") ? -1 : parseNumber(part, 10, 255);
    if (byte < 0) return [];
    bytes.push(byte);
  }
  return bytes.length === 4 ? bytes : [];
}

/** The bytes of groups between colons; [-1] where one is none. */
function parseGroups(text: string): number[] {
  const bytes: number[] = [];
  if (text === "") return bytes;
  const groups = text.split(":");
  for (let i = 0; i < groups.length; i++) {
    const group = textAt(groups, i);
    const isQuad = i === groups.length - 1 && group.includes(".");
    const value = isQuad ? -1 : parseNumber(group, 16, 0xffff);
    const quad = isQuad ? parseQuad(group) : [];
    if (value < 0 && quad.length === 0) return [-1];
    if (isQuad) bytes.push(...quad);
    else bytes.push(value >> 8, value & 255);
  }
  return bytes;
}

/** The 16 bytes of an address, or none where the text is no address. */
export function parseAddress(text: string): number[] {
  const mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255];
  if (!text.includes(":")) {
    const quad = parseQuad(text);
    return quad.length === 0 ? [] : [...mapped, ...quad];
  }
  const halves = text.split("::");
  const head = parseGroups(textAt(halves, 0));
  const tail = parseGroups(textAt(halves, 1));
  const missing = 16 - head.length - tail.length;
  // A dotted quad stands at the very end alone.
  if (halves.length > 1 && textAt(halves, 0).includes(".")) return [];
  if (head[0] === -1 || tail[0] === -1 || halves.length > 2) return [];
  if (halves.length === 1 ? missing !== 0 : missing < 2) return [];
  const bytes = [...head];
  for (let i = 0; i < missing; i++) bytes.push(0);
  return [...bytes, ...tail];
}

/** `10.0.0.0/8, 192.0.2.1, fd00::/8`, or `none`. */
export function parseNetworks(text: string): NetworkList {
  const networks: Network[] = [];
  const items = text.split(",");
  for (let i = 0; i < items.length; i++) {
    const item = textAt(items, i).trim();
    if (item === "" || item === "none") continue;
    const slash = item.indexOf("/");
    const address = slash < 0 ? item : item.slice(0, slash);
    const bytes = parseAddress(address);
    const bits = address.includes(":") ? 128 : 32;
    const prefix = slash < 0 ? bits : parseNumber(item.slice(slash + 1), 10, bits);
    if (bytes.length === 0 || prefix < 0) {
      return new NetworkList([], `"${item}" is no network: write 10.0.0.0/8, 192.0.2.1 or fd00::/8`);
    }
    networks.push(new Network(bytes, prefix + 128 - bits));
  }
  return new NetworkList(networks, "");
}

function isTrusted(address: number[], trusted: readonly Network[]): boolean {
  for (const network of trusted) {
    if (network.includes(address)) return true;
  }
  return false;
}

/** `192.0.2.1:80`, `"[2001:db8::1]:80"` and the like without quotes, brackets and port. */
function bareAddress(text: string): string {
  const unquoted = text.startsWith('"') && text.endsWith('"') ? text.slice(1, text.length - 1) : text;
  if (unquoted.startsWith("[")) {
    const end = unquoted.indexOf("]");
    return end < 0 ? "" : unquoted.slice(1, end);
  }
  const colon = unquoted.indexOf(":");
  // One colon is a port's; more of them are an address of IPv6 as X-Forwarded-For has it.
  return colon >= 0 && unquoted.indexOf(":", colon + 1) < 0 ? unquoted.slice(0, colon) : unquoted;
}

/** The `for` parameter of one element of Forwarded, or "". */
function forwardedFor(element: string): string {
  const pairs = element.split(";");
  for (let i = 0; i < pairs.length; i++) {
    const text = textAt(pairs, i).trim();
    if (text.slice(0, 4).toLowerCase() === "for=") return text.slice(4);
  }
  return "";
}

/**
 * The address that a request came from: the peer's, or where the peer is a trusted proxy the rightmost one in the
 * list that is not. What stands further left was written by the client and proves nothing.
 * X-Forwarded-For goes first, as almost every proxy sets it; one that sets Forwarded alone must remove it.
 * @param peer as the kernel gave it
 * @param xForwardedFor all values, joined by commas, or ""
 * @param forwarded all values, joined by commas, or ""
 */
export function clientAddress(
  peer: string,
  xForwardedFor: string,
  forwarded: string,
  trusted: readonly Network[],
): string {
  if (trusted.length === 0 || (xForwardedFor === "" && forwarded === "")) return peer;
  const peerBytes = parseAddress(peer);
  if (peerBytes.length === 0 || !isTrusted(peerBytes, trusted)) return peer;
  const isStandard = xForwardedFor === "";
  const hops = (isStandard ? forwarded : xForwardedFor).split(",");
  let client = peer;
  for (let i = hops.length - 1; i >= 0; i--) {
    const hop = textAt(hops, i).trim();
    const address = bareAddress(isStandard ? forwardedFor(hop) : hop);
    const bytes = parseAddress(address);
    // `unknown`, `_hidden` and garbage: the last hop that is known is all that can be said.
    if (bytes.length === 0) return client;
    client = address;
    if (!isTrusted(bytes, trusted)) return client;
  }
  return client;
}
