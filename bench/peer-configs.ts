/** Settings of the other servers: what their manuals recommend for static files in production, on one processor. */
import { join } from "node:path";
import type { Setting } from "./subjects.ts";

export function nginxConfig({ root, port, workFolder, hasLog, maxConnections }: Setting): string {
  // Buffered, as lighttpd's and ours are: a write for each line would be measured instead of the server.
  const log = hasLog ? `${join(workFolder, "access.log")} combined buffer=32k flush=1s` : "off";
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `  ${name}_temp_path ${join(workFolder, name)};`)
    .join("\n");
  return `daemon off;
worker_processes 1;
worker_rlimit_nofile 65536;
${process.getuid?.() === 0 ? "user root;" : ""}
pid ${join(workFolder, "nginx.pid")};
error_log ${join(workFolder, "error.log")} crit;
events { worker_connections ${maxConnections}; }
http {
  types { text/html html; text/css css; text/javascript js; application/octet-stream bin; }
  default_type application/octet-stream;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 75s;
  keepalive_requests 1000000000;
  open_file_cache max=10000 inactive=60s;
  open_file_cache_valid 30s;
  open_file_cache_errors on;
  access_log ${log};
${temporary}
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${root};
    index index.html;
    error_page 404 /404.html;
  }
}
`;
}

export function lighttpdConfig({ root, port, workFolder, hasLog, maxConnections }: Setting): string {
  const modules = ["mod_indexfile", ...(hasLog ? ["mod_accesslog"] : []), "mod_staticfile"];
  return `server.modules = (${modules.map((name) => `"${name}"`).join(", ")})
server.document-root = "${root}"
server.bind = "127.0.0.1"
server.port = ${port}
server.listen-backlog = 4096
server.errorlog = "${join(workFolder, "error.log")}"
server.pid-file = "${join(workFolder, "lighttpd.pid")}"
server.upload-dirs = ("${workFolder}")
server.errorfile-prefix = "${root}/"
server.max-fds = ${2 * maxConnections}
server.max-connections = ${maxConnections}
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 75
server.stat-cache-engine = "simple"
server.network-backend = "sendfile"
index-file.names = ("index.html")
mimetype.assign = (".html" => "text/html", ".css" => "text/css", ".js" => "text/javascript", "" => "application/octet-stream")
${hasLog ? `accesslog.filename = "${join(workFolder, "access.log")}"` : ""}
`;
}
