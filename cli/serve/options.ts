import { Options, parseListenAddress, parseOptions } from "../../server/library.ts";
import { type ParsedArguments, UsageError } from "../command.ts";
import type { Wanted } from "./address.ts";

export interface ServeOptions {
  /** Of the server behind: what stands in its flags and variables, and the folder. */
  server: Options;
  /** "server" where one of the formats of its own log was asked for. */
  log: "own" | "server" | "none";
  isReloading: boolean;
  isOpening: boolean;
  isLan: boolean;
  hasCode: boolean;
  wanted: Wanted;
}

/** @param environment gives a variable's value, "" for one that is not set */
export function readServeOptions(
  { options, positionals, handedOn }: ParsedArguments,
  environment: (name: string) => string,
): ServeOptions {
  const [folder, ...extra] = positionals;
  if (extra.length > 0)
    throw new UsageError(`one folder is served, not ${positionals.length}: ${positionals.join(" ")}`);
  const server = parseOptions(
    folder === undefined ? handedOn : [...handedOn, "--root-dir", folder],
    environment,
  );
  if (folder !== undefined && isNamed("root-dir", handedOn))
    throw new UsageError(`the folder is given twice: ${folder}, and with --root-dir`);
  if (server.error !== "") throw new UsageError(server.error);
  if (server.command !== "serve")
    throw new UsageError(`--${server.command} is the server's own: statigo server --${server.command}`);
  const isLan = options["lan"] === true || options["qr"] === true;
  return {
    server,
    log: findLog(server, handedOn),
    isReloading: options["no-reload"] !== true,
    isOpening: options["open"] === true,
    isLan,
    hasCode: options["qr"] === true,
    wanted: findWanted(server.listenAddress, options["port"] as string | undefined, isLan),
  };
}

function isNamed(flag: string, handedOn: readonly string[]): boolean {
  return handedOn.some((word) => /^--?([^=]*)/.exec(word)?.[1] === flag);
}

function findLog({ hasAccessLog, logFormat }: Options, handedOn: readonly string[]): ServeOptions["log"] {
  if (!hasAccessLog) return "none";
  return isNamed("log-format", handedOn) || logFormat !== new Options().logFormat ? "server" : "own";
}

function findWanted(listenAddress: string, portText: string | undefined, isLan: boolean): Wanted {
  const usual = parseListenAddress(new Options().listenAddress);
  const isGiven = listenAddress !== new Options().listenAddress;
  if (isGiven && (portText !== undefined || isLan))
    throw new UsageError(`--listen-addr (${listenAddress}) goes with neither --port nor --lan: it says both`);
  if (isGiven) return { ...parseListenAddress(listenAddress), isAnyPortFine: false };
  const host = isLan ? "" : "127.0.0.1";
  if (portText === undefined) return { host, port: usual.port, isAnyPortFine: true };
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 0;
  if (port < 1 || port > 65_535)
    throw new UsageError(`--port ${portText}: a port is a number from 1 to 65535`);
  return { host, port, isAnyPortFine: false };
}
