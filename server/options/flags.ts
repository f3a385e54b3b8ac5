/** All flags, in the order of the help and the README. */
import { Flag } from "./flag.ts";

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

export function findFlag(name: string): Flag | null {
  for (const flag of flags) {
    if (flag.name === name) return flag;
  }
  return null;
}
