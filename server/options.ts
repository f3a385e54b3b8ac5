/**
 * Flags and environment. Those of statigo v8 (Go) work unchanged: one dash or two, `-name value` or
 * `-name=value`, booleans bare or `=true`/`=false` in the forms of Go's strconv.ParseBool.
 */

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
  /** What to do: serve, or one of the flags that answer and end. */
  command = "serve";
  /** What is wrong with the flags, in one line; "" where nothing is. */
  error = "";
}

/** A flag as the help and the README list it. `argument` is "" for a boolean. */
export class Flag {
  readonly name: string;
  readonly argument: string;
  readonly defaultText: string;
  readonly meaning: string;
  constructor(name: string, argument: string, defaultText: string, meaning: string) {
    this.name = name;
    this.argument = argument;
    this.defaultText = defaultText;
    this.meaning = meaning;
  }
}

export const flags: Flag[] = [
  new Flag("listen-addr", "address", ":$NOMAD_PORT_http or :3000", "address and port to listen on"),
  new Flag(
    "root-dir",
    "folder",
    "./",
    "folder with the site; may be a link that is switched to a new release",
  ),
  new Flag("index-filename", "name", "index.html", "file that stands for its folder"),
  new Flag("not-found-filename", "name", "404.html", "file in the root sent with 404"),
  new Flag("serve-hidden", "", "false", "serve names that start with a dot; /.well-known/ is always served"),
  new Flag("health-url", "path", "/health", "answers 204, unlogged"),
  new Flag("metrics-url", "path", "/metrics", "Prometheus metrics"),
  new Flag("no-metrics", "", "false", "no metrics"),
  new Flag("no-request-logging", "", "false", "no access log on stdout"),
  new Flag("healthcheck", "", "", "ask the running server for its health, exit 0 or 1"),
  new Flag("version", "", "", "print the version"),
  new Flag("help", "", "", "print this"),
];

export function helpText(): string {
  const lines = [`statigo ${version}: serves a folder over HTTP.`, "", "statigo [flags]", ""];
  for (const flag of flags) {
    const name = `  --${flag.name}${flag.argument === "" ? "" : ` <${flag.argument}>`}`;
    const fallback = flag.defaultText === "" ? "" : ` (${flag.defaultText})`;
    lines.push(`${name.padEnd(32)}${flag.meaning}${fallback}`);
  }
  lines.push("", "Environment:");
  lines.push("  NOMAD_PORT_http               port, where --listen-addr is not given");
  lines.push("  STATIGO_SITE                  label `site` of the metrics (notset)");
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
  else if (value) options.command = name;
}

function applyText(options: Options, name: string, value: string): void {
  if (name === "listen-addr") options.listenAddress = value;
  else if (name === "root-dir") options.rootDirectory = value;
  else if (name === "index-filename") options.indexFilename = value;
  else if (name === "not-found-filename") options.notFoundFilename = value;
  else if (name === "health-url") options.healthUrl = value;
  else if (name === "metrics-url") options.metricsUrl = value;
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
  return "";
}

/**
 * Reads the flags; the first thing that is wrong ends it, with the reason in `error`.
 * @param nomadPort the value of NOMAD_PORT_http, or ""
 * @param site the value of STATIGO_SITE, or ""
 */
export function parseOptions(args: readonly string[], nomadPort: string, site: string): Options {
  const options = new Options();
  if (nomadPort !== "") options.listenAddress = `:${nomadPort}`;
  if (site !== "") options.site = site;
  let i = 0;
  while (i < args.length && options.error === "") {
    const argument = args[i] ?? "";
    i++;
    if (argument === "--" && i === args.length) break;
    if (!argument.startsWith("-") || argument === "-" || argument === "--") {
      options.error = `"${argument}" is not a flag: the site's folder is given as --root-dir ${argument}`;
      break;
    }
    const body = argument.startsWith("--") ? argument.slice(2) : argument.slice(1);
    const equals = body.indexOf("=");
    const name = body === "h" ? "help" : equals < 0 ? body : body.slice(0, equals);
    const flag = findFlag(name);
    if (flag === null) {
      options.error = `unknown flag --${name}: see --help`;
    } else if (flag.argument === "") {
      const value = equals < 0 ? 1 : parseBool(body.slice(equals + 1));
      if (value < 0) options.error = `--${name} is true or false, not "${body.slice(equals + 1)}"`;
      else applyBoolean(options, name, value === 1);
    } else if (equals < 0 && i >= args.length) {
      options.error = `--${name} needs a value: --${name} <${flag.argument}>`;
    } else {
      const value = equals < 0 ? (args[i] ?? "") : body.slice(equals + 1);
      if (equals < 0) i++;
      applyText(options, name, value);
    }
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
  const portText = parts[parts.length - 1] ?? "";
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
