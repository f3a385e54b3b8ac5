/** A site on loopback that shows the release which a command target has written into a file. */
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

export interface VersionedSite {
  origin: string;
  /** Tags that answer 503. */
  broken: Set<string>;
  /** Of each request, in the order they came. */
  shown: string[];
  version(): string;
  stop(): Promise<void>;
}

/** What deploys to the site: a shell script for a command target, run in the folder. */
export const writeVersion = 'printf %s "$STATIGO_TAG" > version; echo "$STATIGO_TAG" >> deployed';

export async function startVersionedSite(folder: string): Promise<VersionedSite> {
  const file = join(folder, "version");
  writeFileSync(file, "none");
  const broken = new Set<string>();
  const shown: string[] = [];
  const version = () => readFileSync(file, "utf8");
  const server = createServer((request, response) => {
    const tag = version();
    shown.push(tag);
    if (request.url === "/elsewhere") return void response.writeHead(302, { location: "/" }).end();
    response.writeHead(broken.has(tag) ? 503 : 200, { "x-version": tag }).end(`<p>version ${tag}</p>`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { origin, broken, shown, version, stop };
}
