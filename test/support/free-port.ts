import { once } from "node:events";
import { createServer, type Server } from "node:net";

/** Below what Linux gives to connections and to whoever asks for port 0 (32768 to 60999): only other tests use these. */
const first = 10_000;
const last = 32_767;

/** Ports that were free a moment ago, all different: they are held together, then let go. */
export async function freePorts(count: number): Promise<number[]> {
  const held = new Map<number, Server>();
  while (held.size < count) {
    const port = first + Math.floor(Math.random() * (last - first + 1));
    const server = await hold(port);
    if (server !== undefined) held.set(port, server);
  }
  for (const server of held.values()) {
    server.close();
    await once(server, "close");
  }
  return [...held.keys()];
}

async function hold(port: number): Promise<Server | undefined> {
  const server = createServer().listen(port, "127.0.0.1");
  return once(server, "listening").then(
    () => server,
    () => undefined,
  );
}
