import { once } from "node:events";
import type { Server } from "node:net";
import { networkInterfaces } from "node:os";
import { CommandError, exitStatus } from "../exit-status.ts";

/** Where to listen: `host` is "" for all addresses of the machine. */
export interface Wanted {
  host: string;
  port: number;
  /** Nobody asked for this very port: when it is taken, another one does. */
  isAnyPortFine: boolean;
}

/** So many ports after the wanted one are tried. */
const portsTried = 20;

/** Resolves to the port that is listened on. */
export async function listen(server: Server, { host, port, isAnyPortFine }: Wanted): Promise<number> {
  const reason = await tryPort(server, host, port);
  if (reason === undefined) return port;
  if (reason === "EADDRINUSE") {
    for (let next = port + 1; next <= Math.min(port + portsTried, 65_535); next++) {
      if ((await tryPort(server, host, next)) !== undefined) continue;
      if (isAnyPortFine) return next;
      server.close();
      throw refuse(`port ${port} is taken by another program; ${next} is free: --port ${next}`);
    }
    throw refuse(
      `port ${port} is taken by another program, and so are the next ${portsTried}: choose one with --port`,
    );
  }
  throw refuse(`can't listen on ${host === "" ? "" : host}:${port}: ${explain(reason)}`);
}

/** Undefined when it listens there, otherwise errno's name for why not. */
async function tryPort(server: Server, host: string, port: number): Promise<string | undefined> {
  server.listen(host === "" ? { port } : { host, port });
  try {
    await once(server, "listening");
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

function explain(reason: string): string {
  if (reason === "EACCES") return "ports below 1024 need root: choose one from 1024 on with --port (EACCES)";
  return reason === "EADDRNOTAVAIL" ? "this machine has no such address (EADDRNOTAVAIL)" : reason;
}

function refuse(message: string): CommandError {
  return new CommandError(message, exitStatus.failed);
}

interface Interface {
  name: string;
  address: string;
}

/** Bridges and tunnels to what runs on this machine: no other device is behind them. */
const inner = /^(docker|br-|veth|virbr|podman|cni|flannel|cali|lxc|lxd|vmnet|vboxnet|tun|tap|utun)/;

/** The IPv4 addresses under which other devices find this machine, the likeliest first. */
export function lanAddresses(interfaces = networkInterfaces()): string[] {
  const outer: Interface[] = Object.entries(interfaces).flatMap(([name, addresses = []]) =>
    addresses
      .filter(
        ({ family, internal, address }) => family === "IPv4" && !internal && !address.startsWith("169.254."),
      )
      .map(({ address }) => ({ name, address })),
  );
  const rank = ({ name }: Interface) => (inner.test(name) ? 1 : 0);
  return outer.toSorted((a, b) => rank(a) - rank(b)).map(({ address }) => address);
}
