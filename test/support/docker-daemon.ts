/** The Docker daemon that the tests use: one that runs already, or one that they start (own-daemon.ts). */
import { askClients, dockerClients } from "./docker-client.ts";
import { joinOwnDaemon } from "./own-daemon.ts";

export interface Daemon {
  /** Docker's command-line client; the newest on PATH is not always one that can build. */
  readonly client: string;
  /** What DOCKER_HOST has to be, or undefined for the client's own default. */
  readonly host: string | undefined;
  readonly version: string;
  /** Says that this process needs the daemon no more. */
  release(): Promise<void>;
}

export type DaemonOrReason = Daemon | { readonly reason: string };

export async function findDaemon(): Promise<DaemonOrReason> {
  const clients = dockerClients();
  if (clients.length === 0) return { reason: "Docker is not installed: apt-get install docker.io" };
  const host = process.env["DOCKER_HOST"];
  const found = await askClients(clients, host);
  if ("version" in found) return { ...found, host, release: async () => {} };
  if (host !== undefined) return { reason: `DOCKER_HOST is ${host}, but: ${found.reason}` };
  const own = await joinOwnDaemon(clients);
  return "reason" in own ? { reason: `no Docker daemon answers (${found.reason}), and ${own.reason}` } : own;
}
