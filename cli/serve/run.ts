import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import open from "open";
import { createNodeServer, type NodeServer, parseNetworks } from "../../server/library.ts";
import type { ParsedArguments } from "../command.ts";
import { describeProject } from "../project-hint.ts";
import { checkFolder } from "../site-folder.ts";
import { print, say } from "../terminal.ts";
import { lanAddresses, listen } from "./address.ts";
import { describeChange, describeStart } from "./banner.ts";
import { createFront, type Front } from "./front.ts";
import { LiveReload } from "./live-reload.ts";
import { formatEntry } from "./log.ts";
import { readServeOptions, type ServeOptions } from "./options.ts";
import { watchFolder } from "./watch.ts";

/** Resolves to the exit status, once it was told to stop. */
export async function serve(parsed: ParsedArguments): Promise<number> {
  const options = readServeOptions(parsed, (name) => process.env[name] ?? "");
  const folder = options.server.rootDirectory;
  checkFolder(folder);
  const hint = describeProject(folder, "serve", options.server.isSinglePage);
  if (hint !== undefined) say(hint);
  const behind = await startBehind(options);
  const live = options.isReloading ? new LiveReload() : undefined;
  const front = createFront({ port: portOf(behind.listener), live, log: logger(options) });
  const watch = live === undefined ? undefined : followChanges(folder, behind, live);
  try {
    await watch?.ready;
    announce(options, await listen(front, options.wanted));
    await untilStopped();
  } finally {
    live?.close();
    front.close();
    front.closeAllConnections();
    behind.drain();
    await watch?.close();
  }
  return 0;
}

/** The server itself, where only the front reaches it. */
async function startBehind({ server, log }: ServeOptions): Promise<NodeServer> {
  server.hasAccessLog = log === "server";
  server.trustedProxies = parseNetworks("127.0.0.1").networks;
  const behind = createNodeServer(server);
  behind.listener.listen(0, "127.0.0.1");
  await once(behind.listener, "listening");
  return behind;
}

function portOf(server: { address: Server["address"] }): number {
  return (server.address() as AddressInfo).port;
}

function logger({ server, log }: ServeOptions): Front["log"] {
  // The reader of the log may go away; the site goes on being served.
  process.stdout.on("error", () => {});
  if (log !== "own") return () => {};
  const unlogged = [server.healthUrl, ...(server.hasMetrics ? [server.metricsUrl] : [])];
  return (entry) => {
    if (!unlogged.includes(entry.path)) print(formatEntry(entry, process.stdout));
  };
}

function followChanges(folder: string, behind: NodeServer, live: LiveReload) {
  return watchFolder(
    folder,
    () => behind.serving.site.reload(),
    (paths) => {
      live.announce(paths.length > 0 && paths.every((path) => path.endsWith(".css")));
      say(describeChange(paths));
    },
  );
}

function announce(options: ServeOptions, port: number): void {
  const { host } = options.wanted;
  const isEverywhere = ["", "0.0.0.0", "::"].includes(host);
  const url = (address: string) => `http://${address.includes(":") ? `[${address}]` : address}:${port}/`;
  const local = url(isEverywhere ? "127.0.0.1" : host);
  const inLan = isEverywhere ? lanAddresses().map(url) : [];
  say(describeStart({ ...options, local, inLan, port }, process.stderr));
  if (options.isOpening) openInBrowser(local);
}

function openInBrowser(url: string): void {
  const sayWhy = (error: Error) => say(`no browser was opened (${error.message}): open ${url} yourself`);
  // The program that opens it is missing only once it was started.
  open(url).then((child) => child.once("error", sayWhy), sayWhy);
}

/** Until Ctrl-C; a second one ends it at once. */
async function untilStopped(): Promise<void> {
  const signals = ["SIGINT", "SIGTERM"] as const;
  await new Promise<void>((resolve) => {
    for (const signal of signals) process.once(signal, () => resolve());
  });
}
