/** Whether the values of the options can be meant. */
import { isFieldValue } from "../text.ts";
import { parseListenAddress } from "./listen-address.ts";
import type { Options } from "./options.ts";

/** The port that Nomad has chosen, alone. */
export const nomadVariable = "NOMAD_PORT_http";

/** The first thing that is wrong with the values, or "". */
export function checkOptions(options: Options): string {
  if (parseListenAddress(options.listenAddress).port < 0) return listenProblem(options);
  if (!options.healthUrl.startsWith("/"))
    return `${options.sourceOf("health-url")} "${options.healthUrl}" must start with a slash`;
  if (!options.metricsUrl.startsWith("/"))
    return `${options.sourceOf("metrics-url")} "${options.metricsUrl}" must start with a slash`;
  if (options.hasMetrics && options.metricsUrl === options.healthUrl)
    return `${options.sourceOf("metrics-url")} and ${options.sourceOf("health-url")} are both "${options.healthUrl}"`;
  if (options.indexFilename === "" || options.indexFilename.includes("/"))
    return `${options.sourceOf("index-filename")} "${options.indexFilename}" must be a file's name without a folder`;
  if (`/${options.notFoundFilename}/`.includes("/../"))
    return `${options.sourceOf("not-found-filename")} "${options.notFoundFilename}" leads out of the site's folder`;
  if (!["auto", "always", "never"].includes(options.trailingSlash))
    return `${options.sourceOf("trailing-slash")} is auto, always or never, not "${options.trailingSlash}"`;
  if (!["combined", "json"].includes(options.logFormat))
    return `${options.sourceOf("log-format")} is combined or json, not "${options.logFormat}"`;
  if (!isFieldValue(options.cacheControl) || !isFieldValue(options.cacheControlHashed))
    return "--cache-control and --cache-control-hashed are plain ASCII without line breaks";
  return "";
}

function listenProblem(options: Options): string {
  const address = options.listenAddress;
  const source = options.sourceOf("listen-addr");
  if (source === nomadVariable) return `${source} is a port, not "${address.slice(1)}"`;
  return `${source} "${address}" is no address: write :3000, 127.0.0.1:3000 or [::1]:3000`;
}
