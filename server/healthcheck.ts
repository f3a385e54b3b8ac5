/**
 * `statigo --healthcheck`: asks the server that runs in the same container, for images without a shell.
 * A check that Docker starts gets the container's environment but not the flags of its entry point: those
 * are read from the command line of process 1, also where that is an init that started statigo.
 */
import * as fs from "node:fs";
import { parseOptions } from "./options/command-line.ts";
import { parseListenAddress } from "./options/listen-address.ts";
import type { Options } from "./options/options.ts";
import { textAt } from "./text.ts";

export const healthTimeoutMs = 5_000;

/** The flags of a statigo in a command line of NUL-ended words, or null where it is none's. */
export function serverFlags(commandLine: string): string[] | null {
  const words = commandLine.split("\0");
  for (let i = 0; i < words.length; i++) {
    if (textAt(words, i).endsWith("/statigo")) return words.slice(i + 1, words.length - 1);
  }
  return null;
}

/** The options of the server that process 1 is or started; `own` where there is none. */
export function runningOptions(own: Options, environment: (name: string) => string): Options {
  let found: string[] | null = null;
  try {
    found = serverFlags(fs.readFileSync("/proc/1/cmdline", "utf8"));
  } catch {
    found = null;
  }
  if (found === null) return own;
  const running = parseOptions(found, environment);
  if (running.error !== "" || running.command !== "serve") return own;
  running.command = "healthcheck";
  return running;
}

/** Where and what to ask. */
export class HealthQuestion {
  readonly host: string;
  readonly port: number;
  readonly request: string;
  /** For messages. */
  readonly where: string;
  constructor(options: Options) {
    const address = parseListenAddress(options.listenAddress);
    // A server on all addresses is asked on loopback.
    let host = address.host;
    if (host === "" || host === "0.0.0.0") host = "127.0.0.1";
    if (host === "::") host = "::1";
    this.host = host;
    this.port = address.port;
    this.request = `GET ${options.healthUrl} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
    this.where = `${host}:${address.port}${options.healthUrl}`;
  }

  /** What is wrong with the answer, or "". */
  judge(answer: string): string {
    if (answer === "") return `no answer from ${this.where} within ${healthTimeoutMs / 1000} s`;
    const line = textAt(answer.split("\r\n"), 0);
    return line.startsWith("HTTP/1.1 2") ? "" : `${this.where} answered "${line}"`;
  }
}
