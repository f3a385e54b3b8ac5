/**
 * `statigo --healthcheck`: asks the server that runs in the same container, for images without a shell.
 * A check that Docker starts gets the container's environment but not the flags of its entry point: those
 * are read from the command line of process 1.
 */
import * as fs from "node:fs";
import * as net from "node:net";
import { type Options, parseListenAddress, parseOptions } from "./options.ts";

const timeoutMs = 5_000;

/** The options of the server that is process 1, or `own` where that is no statigo. */
export function runningOptions(own: Options, nomadPort: string): Options {
  let commandLine = "";
  try {
    commandLine = fs.readFileSync("/proc/1/cmdline", "utf8");
  } catch {
    return own;
  }
  const words = commandLine.split("\0");
  if (!(words[0] ?? "").endsWith("/statigo")) return own;
  const running = parseOptions(words.slice(1, words.length - 1), nomadPort, "");
  return running.error === "" && running.command === "serve" ? running : own;
}

/** The address to connect to: a server on all addresses is asked on loopback. */
function connectHost(host: string): string {
  if (host === "" || host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}

/** Calls back with "" where the server answers its health URL with 2xx, and with the reason where not. */
export function checkHealth(options: Options, done: (problem: string) => void): void {
  const address = parseListenAddress(options.listenAddress);
  const host = connectHost(address.host);
  const where = `${host}:${address.port}${options.healthUrl}`;
  let isDone = false;
  const socket = net.connect({ port: address.port, host });
  const finish = (problem: string): void => {
    if (isDone) return;
    isDone = true;
    clearTimeout(timer);
    socket.destroy();
    done(problem);
  };
  const timer = setTimeout(() => {
    finish(`no answer from ${where} within ${timeoutMs / 1000} s`);
  }, timeoutMs);
  socket.on("error", () => {
    finish(`no connection to ${where}`);
  });
  socket.on("close", () => {
    finish(`${where} closed the connection without an answer`);
  });
  socket.on("data", (chunk: Buffer) => {
    const line = chunk.toString("latin1").split("\r\n")[0] ?? "";
    finish(line.startsWith("HTTP/1.1 2") ? "" : `${where} answered "${line}"`);
  });
  socket.on("connect", () => {
    socket.write(`GET ${options.healthUrl} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  });
}
