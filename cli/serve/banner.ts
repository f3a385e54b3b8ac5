/** What `statigo serve` says to people. */
import encodeQr from "qr";
import { clean, paint } from "../terminal.ts";
import type { ServeOptions } from "./options.ts";

interface Start extends ServeOptions {
  local: string;
  inLan: readonly string[];
  port: number;
}

export function describeStart(start: Start, stream: NodeJS.WriteStream): string {
  const { local, inLan, wanted } = start;
  const lines = [`${clean(start.server.rootDirectory)} is served on ${paint(local, "bold", stream)}`];
  if (start.port !== wanted.port) lines.push(`  port ${wanted.port} was taken by another program`);
  if (start.isLan) lines.push(...describeLan(inLan));
  const [first] = inLan;
  if (start.hasCode && first !== undefined) lines.push(formatCode(first, stream));
  lines.push(start.isReloading ? "A change shows at once. Ctrl-C ends it." : "Ctrl-C ends it.");
  return lines.join("\n");
}

function describeLan(addresses: readonly string[]): string[] {
  if (addresses.length === 0) return ["  this machine is in no network: no other device can reach it"];
  return addresses.map((address) => `  in your network: ${address}`);
}

/** Light on dark whatever the terminal's colours are; without colours as a dark terminal shows it. */
export function formatCode(text: string, stream: NodeJS.WriteStream): string {
  const lines = encodeQr(text, "ascii").trimEnd().split("\n");
  return lines.map((line) => paint(line, "code", stream)).join("\n");
}

const namedPaths = 3;

/** Without paths the folder itself is another one. */
export function describeChange(paths: readonly string[]): string {
  const named = paths.slice(0, namedPaths).filter((path) => path !== "");
  if (named.length === 0) return "changed: the folder";
  const more = paths.length - named.length;
  return `changed: ${named.map(clean).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
