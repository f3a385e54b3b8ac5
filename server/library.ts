/** What `statigo serve` and `statigo check` use of the server. */
export { parseNetworks } from "./client-address.ts";
export { Head } from "./head/head.ts";
export { mediaType } from "./mime.ts";
export { mixContent } from "./node-hash.ts";
export { createNodeServer, type NodeServer } from "./node-server.ts";
export { parseOptions } from "./options/command-line.ts";
export { parseListenAddress } from "./options/listen-address.ts";
export { Options } from "./options/options.ts";
export { pathOf } from "./redirects-file.ts";
export { findAnswer } from "./respond.ts";
export { Site } from "./site/site.ts";
export { SiteCheck } from "./site-check.ts";
