/** What each flag sets. */
import { parseNetworks } from "../client-address.ts";
import { parseCount, parseDuration } from "./flag-values.ts";
import type { Options } from "./options.ts";

export function applyBoolean(options: Options, name: string, value: boolean): void {
  if (name === "no-metrics") options.hasMetrics = !value;
  else if (name === "no-request-logging") options.hasAccessLog = !value;
  else if (name === "serve-hidden") options.serveHidden = value;
  else if (name === "spa") options.isSinglePage = value;
  else if (name === "security-headers") options.hasSecurityHeaders = value;
  else if (name === "cors") options.hasCors = value;
  else if (value) options.command = name;
}

/** A flag of the group "Limits". */
function applyLimit(options: Options, name: string, value: string): void {
  const isCount = name === "max-connections";
  const limit = isCount ? parseCount(value) : parseDuration(value);
  if (limit < 0 || (limit === 0 && !isCount && name !== "grace")) {
    options.error = `${options.sourceOf(name)} is ${isCount ? "a number" : "a time such as 500ms, 15s or 2m"}, not "${value}"`;
  } else if (isCount) options.maxConnections = limit;
  else if (name === "header-timeout") options.headerTimeoutMs = limit;
  else if (name === "idle-timeout") options.idleTimeoutMs = limit;
  else if (name === "write-timeout") options.writeTimeoutMs = limit;
  else options.graceMs = limit;
}

export function applyText(options: Options, name: string, value: string): void {
  if (name === "listen-addr") options.listenAddress = value;
  else if (name === "root-dir") options.rootDirectory = value;
  else if (name === "index-filename") options.indexFilename = value;
  else if (name === "not-found-filename") options.notFoundFilename = value;
  else if (name === "health-url") options.healthUrl = value;
  else if (name === "metrics-url") options.metricsUrl = value;
  else if (name === "trailing-slash") options.trailingSlash = value;
  else if (name === "cache-control") options.cacheControl = value === "none" ? "" : value;
  else if (name === "cache-control-hashed") options.cacheControlHashed = value === "none" ? "" : value;
  else if (name === "site") options.site = value;
  else if (name === "log-format") options.logFormat = value;
  else if (name === "trusted-proxies") {
    const list = parseNetworks(value);
    if (list.problem === "") options.trustedProxies = list.networks;
    else options.error = `${options.sourceOf(name)}: ${list.problem}`;
  } else applyLimit(options, name, value);
}
