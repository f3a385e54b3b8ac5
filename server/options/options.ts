/** What the server is told to do, with what it does untold. */
import { type Network, noNetworks } from "../client-address.ts";

export class Options {
  listenAddress = ":3000";
  rootDirectory = "./";
  indexFilename = "index.html";
  hasMetrics = true;
  healthUrl = "/health";
  metricsUrl = "/metrics";
  notFoundFilename = "404.html";
  hasAccessLog = true;
  serveHidden = false;
  site = "notset";
  /** Whether a path without a file or an extension is the index of the root. */
  isSinglePage = false;
  /** "auto", "always" or "never". */
  trailingSlash = "auto";
  /** Values of Cache-Control, "" for none. */
  cacheControl = "public, max-age=0, must-revalidate";
  cacheControlHashed = "public, max-age=31536000, immutable";
  hasSecurityHeaders = false;
  hasCors = false;
  /** "combined" or "json". */
  logFormat = "combined";
  trustedProxies: Network[] = noNetworks;
  /** For the head of a request, from its first byte. */
  headerTimeoutMs = 15_000;
  /** Between requests. */
  idleTimeoutMs = 75_000;
  /** For a client that takes none of what it is sent. */
  writeTimeoutMs = 60_000;
  /** For replies under way after SIGTERM. */
  graceMs = 8_000;
  /** 0 for as many as the limit of descriptors bears. */
  maxConnections = 0;
  /** What gave a value, by the flag's name: the flag or a variable. */
  readonly sources = new Map<string, string>();
  /** What to do: serve, or one of the flags that answer and end. */
  command = "serve";
  /** What is wrong with the flags, in one line; "" where nothing is. */
  error = "";

  /** The flag or variable that gave a flag's value, for an error. */
  sourceOf(name: string): string {
    return this.sources.get(name) ?? `--${name}`;
  }
}
