/** Whether the values of the options can be meant. */
import { isFieldValue } from "../text.ts";
import { parseListenAddress } from "./listen-address.ts";
import type { Options } from "./options.ts";

/** The first thing that is wrong with the values, or "". */
export function checkOptions(options: Options): string {
  if (parseListenAddress(options.listenAddress).port < 0) {
    return `--listen-addr "${options.listenAddress}" is no address: write :3000, 127.0.0.1:3000 or [::1]:3000`;
  }
  if (!options.healthUrl.startsWith("/"))
    return `--health-url "${options.healthUrl}" must start with a slash`;
  if (!options.metricsUrl.startsWith("/"))
    return `--metrics-url "${options.metricsUrl}" must start with a slash`;
  if (options.indexFilename === "" || options.indexFilename.includes("/")) {
    return `--index-filename "${options.indexFilename}" must be a file's name without a folder`;
  }
  if (!["auto", "always", "never"].includes(options.trailingSlash))
    return `--trailing-slash is auto, always or never, not "${options.trailingSlash}"`;
  if (!["combined", "json"].includes(options.logFormat))
    return `--log-format is combined or json, not "${options.logFormat}"`;
  if (!isFieldValue(options.cacheControl) || !isFieldValue(options.cacheControlHashed))
    return "--cache-control and --cache-control-hashed are plain ASCII without line breaks";
  return "";
}
