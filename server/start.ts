/** From command line to what is to be done: the same on both runtimes. */
import * as fs from "node:fs";
import { runningOptions } from "./healthcheck.ts";
import { parseOptions } from "./options/command-line.ts";
import { helpText } from "./options/help.ts";
import type { Options } from "./options/options.ts";
import { SiteCheck } from "./site-check.ts";
import { version } from "./version.ts";

export function fail(message: string, status: number): void {
  process.stderr.write(`statigo: ${message}\n`);
  process.exitCode = status;
}

/** What is wrong with the root, or "". */
function checkRoot(directory: string): string {
  try {
    if (!fs.statSync(directory).isDirectory()) return `--root-dir ${directory} is not a folder`;
    fs.accessSync(directory, fs.constants.R_OK | fs.constants.X_OK);
    return "";
  } catch {
    return `--root-dir ${directory} can't be read: it is missing, or this user may not enter it`;
  }
}

function checkSite(options: Options): void {
  const check = new SiteCheck(options.rootDirectory, options.serveHidden);
  check.run();
  const lines = [...check.notes, ...check.problems, check.summary()];
  process.stdout.write(`${lines.join("\n")}\n`);
  if (check.problems.length > 0) process.exitCode = 1;
}

/** The line for a listener that failed. @param code as of errno, such as EADDRINUSE */
export function listenProblem(address: string, code: string): string {
  let reason = code;
  if (code === "EADDRINUSE") reason = "another program listens there (EADDRINUSE): choose another port";
  else if (code === "EACCES")
    reason = "not allowed (EACCES): ports below 1024 need root or CAP_NET_BIND_SERVICE";
  else if (code === "EADDRNOTAVAIL") reason = "this machine has no such address (EADDRNOTAVAIL)";
  return `can't listen on ${address}: ${reason}`;
}

export function announce(options: Options): void {
  process.stderr.write(
    `statigo ${version}: site ${options.site}, ${options.rootDirectory} on ${options.listenAddress}\n`,
  );
}

/** A variable's value, "" where it is not set. */
function environment(name: string): string {
  return process.env[name] ?? "";
}

/** Answers the flags that only answer, and refuses wrong ones; the options to go on with, or null. */
export function start(args: readonly string[]): Options | null {
  const options = parseOptions(args, environment);
  if (options.error !== "") {
    fail(options.error, 2);
    return null;
  }
  if (options.command === "help" || options.command === "version") {
    process.stdout.write(options.command === "help" ? helpText() : `statigo ${version}\n`);
    return null;
  }
  if (options.command === "healthcheck") return runningOptions(options, environment);
  const problem = checkRoot(options.rootDirectory);
  if (problem !== "") fail(problem, 2);
  else if (options.command === "check") checkSite(options);
  else return options;
  return null;
}
