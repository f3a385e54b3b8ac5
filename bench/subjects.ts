/** The servers that are compared, each with settings that one would run it with. */
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { freePorts } from "../test/support/free-port.ts";
import { findProgram, firstLineOf } from "./machine.ts";
import { lighttpdConfig, nginxConfig } from "./peer-configs.ts";
import { type RunningServer, spawnServer, waitUntilListening } from "./server.ts";

export interface Subject {
  readonly name: string;
  readonly version: string;
  readonly executable: string;
  /** Why it can't be measured here, and how to get it, or false. */
  readonly missing: string | false;
  command(setting: Setting): readonly string[];
}

export interface Setting {
  readonly root: string;
  readonly port: number;
  /** A folder of this start alone. */
  readonly workFolder: string;
  readonly hasLog: boolean;
  readonly maxConnections: number;
}

const projectRoot = resolve(import.meta.dirname, "..");

function packageMissing(path: string, name: string): string | false {
  return existsSync(path) ? false : `${path} is not there: apt-get install --no-install-recommends ${name}`;
}

const statigoPath = join(projectRoot, "dist/native/statigo");
const statigo: Subject = {
  name: "statigo",
  version: existsSync(statigoPath) ? firstLineOf(statigoPath, ["--version"]) : "",
  executable: statigoPath,
  missing: existsSync(statigoPath) ? false : "dist/native/statigo is not built: npm run build:native",
  command: ({ root, port, hasLog }) => [
    ...[statigoPath, "--root-dir", root, "--listen-addr", `127.0.0.1:${port}`],
    ...(hasLog ? [] : ["--no-request-logging"]),
  ],
};

const nginxPath = findProgram("nginx") ?? "/usr/sbin/nginx";
const nginx: Subject = {
  name: "nginx",
  version: existsSync(nginxPath) ? firstLineOf(nginxPath, ["-v"]).replace("nginx version: ", "") : "",
  executable: nginxPath,
  missing: packageMissing(nginxPath, "nginx-light"),
  command: (setting) => {
    const file = join(setting.workFolder, "nginx.conf");
    writeFileSync(file, nginxConfig(setting));
    return [nginxPath, "-p", setting.workFolder, "-e", "stderr", "-c", file];
  },
};

const lighttpdPath = findProgram("lighttpd") ?? "/usr/sbin/lighttpd";
const lighttpd: Subject = {
  name: "lighttpd",
  version: existsSync(lighttpdPath) ? (firstLineOf(lighttpdPath, ["-v"]).split(" ")[0] ?? "") : "",
  executable: lighttpdPath,
  missing: packageMissing(lighttpdPath, "lighttpd"),
  command: (setting) => {
    const file = join(setting.workFolder, "lighttpd.conf");
    writeFileSync(file, lighttpdConfig(setting));
    return [lighttpdPath, "-D", "-f", file];
  },
};

/** Ours first. */
export const subjects: readonly Subject[] = [statigo, nginx, lighttpd];

/** Starts a subject on a free port; with a log, ours writes it to a file as the others do. */
export async function startSubject(
  subject: Subject,
  setting: Omit<Setting, "port">,
  waits = true,
): Promise<RunningServer> {
  const [port = 0] = await freePorts(1);
  const log = openSync(join(setting.workFolder, "stdout.log"), "w");
  try {
    const server = spawnServer(subject.command({ ...setting, port }), port, setting.hasLog ? log : "ignore");
    if (waits) await waitUntilListening(server);
    return server;
  } finally {
    closeSync(log);
  }
}

/** The program itself, and together with the shared libraries that it loads. */
export function executableSizes({ executable }: Subject): { own: number; withLibraries: number } {
  const own = statSync(executable).size;
  // For a static program ldd has no such line.
  const said = spawnSync("ldd", [executable], { encoding: "utf8" }).stdout ?? "";
  const libraries = [...said.matchAll(/(\/\S+) \(0x/g)].map(([, path = ""]) => path);
  return { own, withLibraries: libraries.reduce((sum, path) => sum + statSync(path).size, own) };
}
