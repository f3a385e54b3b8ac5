/**
 * Flags and environment. Those of statigo v8 (Go) work unchanged: one dash or two, `-name value` or
 * `-name=value`, booleans bare or `=true`/`=false` in the forms of Go's strconv.ParseBool.
 */
import { type Network, noNetworks, parseNetworks } from "./client-address.ts";
import { textAt } from "./text.ts";

export const version = "0.1.0";

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
  /** What to do: serve, or one of the flags that answer and end. */
  command = "serve";
  /** What is wrong with the flags, in one line; "" where nothing is. */
  error = "";
}

/** A flag as the help and the README list it. `argument` is "" for a boolean, `defaultText` "" for a command. */
export class Flag {
  readonly name: string;
  readonly argument: string;
  readonly defaultText: string;
  readonly meaning: string;
  /** What stands above it in the help, or "". */
  readonly heading: string;
  constructor(name: string, argument: string, defaultText: string, meaning: string, heading: string) {
    this.name = name;
    this.argument = argument;
    this.defaultText = defaultText;
    this.meaning = meaning;
    this.heading = heading;
  }

  /** The variable that gives it, or "": a command is never taken from the environment. */
  variable(): string {
    return this.defaultText === "" ? "" : `STATIGO_${this.name.toUpperCase().split("-").join("_")}`;
  }

  helpLine(): string {
    const isText = this.argument !== "";
    const name = `  --${this.name}${isText ? ` <${this.argument}>` : ""}`;
    const heading = this.heading === "" ? "" : `\n${this.heading}:\n`;
    return `${heading}${name.padEnd(33)}${this.meaning}${isText ? ` (${this.defaultText})` : ""}`;
  }

  /** Takes a value; `source` is the flag or variable that gave it, for the error. */
  apply(options: Options, value: string, source: string): void {
    const boolean = parseBool(value);
    if (this.argument !== "") applyText(options, this.name, value);
    else if (boolean < 0) options.error = `${source} is true or false, not "${value}"`;
    else applyBoolean(options, this.name, boolean === 1);
  }

  applyVariable(options: Options, environment: (name: string) => string): void {
    const variable = this.variable();
    const value = variable === "" || options.error !== "" ? "" : environment(variable);
    if (value !== "") this.apply(options, value, variable);
  }

  /**
   * Takes the flag as the command line has it.
   * @param value after `=`
   * @param following the words after it
   * @returns how many of them it took
   */
  read(options: Options, hasValue: boolean, value: string, following: readonly string[]): number {
    const name = `--${this.name}`;
    if (hasValue) this.apply(options, value, name);
    else if (this.argument === "") this.apply(options, "true", name);
    else if (following.length === 0) options.error = `${name} needs a value: ${name} <${this.argument}>`;
    else {
      this.apply(options, textAt(following, 0), name);
      return 1;
    }
    return 0;
  }
}

export const flags: Flag[] = [
  new Flag(
    "listen-addr",
    "address",
    ":$NOMAD_PORT_http or :3000",
    "address and port to listen on",
    "What to serve",
  ),
  new Flag("root-dir", "folder", "./", "the site's folder, or a link that is switched to a new one", ""),
  new Flag("index-filename", "name", "index.html", "file that stands for its folder", ""),
  new Flag(
    "not-found-filename",
    "name",
    "404.html",
    "sent with 404; 404.html from the nearest folder above",
    "",
  ),
  new Flag(
    "serve-hidden",
    "",
    "false",
    "serve names that start with a dot; /.well-known/ is always served",
    "",
  ),
  new Flag("spa", "", "false", "answer paths without file or extension with the root's index", ""),
  new Flag(
    "trailing-slash",
    "policy",
    "auto",
    "of pages: always, never, or auto: of folders only",
    "Addresses and header fields",
  ),
  new Flag(
    "cache-control",
    "value",
    "public, max-age=0, must-revalidate",
    "Cache-Control of files or none",
    "",
  ),
  new Flag(
    "cache-control-hashed",
    "value",
    "public, max-age=31536000, immutable",
    "the same of names with a hash",
    "",
  ),
  new Flag(
    "security-headers",
    "",
    "false",
    "Referrer-Policy and X-Frame-Options, no site breaks by them",
    "",
  ),
  new Flag("cors", "", "false", "let pages of any origin read fonts and JSON", ""),
  new Flag("health-url", "path", "/health", "answers 204, unlogged", "Operation"),
  new Flag("metrics-url", "path", "/metrics", "Prometheus metrics", ""),
  new Flag("no-metrics", "", "false", "no metrics", ""),
  new Flag("site", "name", "notset", "label `site` of the metrics", ""),
  new Flag("no-request-logging", "", "false", "no access log on stdout", ""),
  new Flag("log-format", "format", "combined", "combined or json", ""),
  new Flag("trusted-proxies", "list", "none", "whose X-Forwarded-For counts: 10.0.0.0/8,fd00::/8", ""),
  new Flag("header-timeout", "time", "15s", "for the head of a request", "Limits"),
  new Flag("idle-timeout", "time", "75s", "between requests of a connection", ""),
  new Flag("write-timeout", "time", "60s", "for a client that takes nothing of its answer", ""),
  new Flag("grace", "time", "8s", "for answers under way after SIGTERM", ""),
  new Flag("max-connections", "number", "0", "0: half of the open files allowed", ""),
  new Flag("check", "", "", "say what is wrong with the site, exit 0 or 1", "Instead of serving"),
  new Flag("healthcheck", "", "", "ask the running server for its health, exit 0 or 1", ""),
  new Flag("version", "", "", "print the version", ""),
  new Flag("help", "", "", "print this", ""),
];

export function helpText(): string {
  const lines = [`statigo ${version}: serves a folder over HTTP.`, "", "statigo [flags]"];
  for (const flag of flags) lines.push(flag.helpLine());
  lines.push(
    "",
    "Environment: every flag above the last four is also STATIGO_NAME, such as STATIGO_ROOT_DIR.",
  );
  lines.push("A flag goes before its variable. NOMAD_PORT_http is the port where neither gives one.");
  return `${lines.join("\n")}\n`;
}

function findFlag(name: string): Flag | null {
  for (const flag of flags) {
    if (flag.name === name) return flag;
  }
  return null;
}

/** Go's strconv.ParseBool: 1 for true, 0 for false, -1 for what is neither. */
function parseBool(text: string): number {
  if (["1", "t", "T", "TRUE", "true", "True"].includes(text)) return 1;
  if (["0", "f", "F", "FALSE", "false", "False"].includes(text)) return 0;
  return -1;
}

function applyBoolean(options: Options, name: string, value: boolean): void {
  if (name === "no-metrics") options.hasMetrics = !value;
  else if (name === "no-request-logging") options.hasAccessLog = !value;
  else if (name === "serve-hidden") options.serveHidden = value;
  else if (name === "spa") options.isSinglePage = value;
  else if (name === "security-headers") options.hasSecurityHeaders = value;
  else if (name === "cors") options.hasCors = value;
  else if (value) options.command = name;
}

/** Digits up to nine as a number, or -1. */
function parseCount(text: string): number {
  if (text === "" || text.length > 9) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** `500ms`, `15s` or `2m` as milliseconds, -1 where it is none. */
export function parseDuration(text: string): number {
  if (text.endsWith("ms")) return parseCount(text.slice(0, text.length - 2));
  const count = parseCount(text.slice(0, text.length - 1));
  if (count < 0) return -1;
  if (text.endsWith("s")) return count * 1000;
  return text.endsWith("m") ? count * 60_000 : -1;
}

/** A flag of the group "Limits". */
function applyLimit(options: Options, name: string, value: string): void {
  const isCount = name === "max-connections";
  const limit = isCount ? parseCount(value) : parseDuration(value);
  if (limit < 0 || (limit === 0 && !isCount && name !== "grace")) {
    options.error = `--${name} is ${isCount ? "a number" : "a time such as 500ms, 15s or 2m"}, not "${value}"`;
  } else if (isCount) options.maxConnections = limit;
  else if (name === "header-timeout") options.headerTimeoutMs = limit;
  else if (name === "idle-timeout") options.idleTimeoutMs = limit;
  else if (name === "write-timeout") options.writeTimeoutMs = limit;
  else options.graceMs = limit;
}

function applyText(options: Options, name: string, value: string): void {
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
    else options.error = `--trusted-proxies: ${list.problem}`;
  } else applyLimit(options, name, value);
}

/** Whether a text can stand in a header field (RFC 9110 5.5) without adding another. */
export function isFieldValue(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if ((code < 32 && code !== 9) || code > 126) return false;
  }
  return true;
}

/** What is wrong with the values, one by one. */
function checkOptions(options: Options): string {
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

/**
 * Reads environment and flags; the first thing that is wrong ends it, with the reason in `error`.
 * @param environment gives a variable's value, "" for one that is not set
 */
export function parseOptions(args: readonly string[], environment: (name: string) => string): Options {
  const options = new Options();
  const nomadPort = environment("NOMAD_PORT_http");
  if (nomadPort !== "") options.listenAddress = `:${nomadPort}`;
  for (const flag of flags) flag.applyVariable(options, environment);
  let i = 0;
  while (i < args.length && options.error === "") {
    const argument = textAt(args, i);
    i++;
    if (argument === "--" && i === args.length) break;
    if (!argument.startsWith("-") || argument === "-" || argument === "--") {
      options.error = `"${argument}" is not a flag: the site's folder is given as --root-dir ${argument}`;
      break;
    }
    const body = argument.slice(argument.startsWith("--") ? 2 : 1);
    const equals = body.indexOf("=");
    const name = body === "h" ? "help" : equals < 0 ? body : body.slice(0, equals);
    const flag = findFlag(name);
    if (flag === null) options.error = `unknown flag --${name}: see --help`;
    else i += flag.read(options, equals >= 0, body.slice(equals + 1), args.slice(i));
  }
  if (options.error === "") options.error = checkOptions(options);
  return options;
}

/** `host` is "" for all addresses; `port` is -1 where the text is no address. */
export class ListenAddress {
  readonly host: string;
  readonly port: number;
  constructor(host: string, port: number) {
    this.host = host;
    this.port = port;
  }
}

/** `:3000`, `127.0.0.1:3000`, `localhost:3000`, `[::1]:3000` */
export function parseListenAddress(text: string): ListenAddress {
  const invalid = new ListenAddress("", -1);
  const parts = text.split(":");
  const portText = textAt(parts, parts.length - 1);
  if (parts.length < 2 || portText === "" || portText.length > 5) return invalid;
  let port = 0;
  for (let i = 0; i < portText.length; i++) {
    const digit = portText.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return invalid;
    port = port * 10 + digit;
  }
  if (port > 65535) return invalid;
  const host = text.slice(0, text.length - portText.length - 1);
  if (host.startsWith("[") && host.endsWith("]"))
    return new ListenAddress(host.slice(1, host.length - 1), port);
  return host.includes(":") ? invalid : new ListenAddress(host, port);
}
