// Runs in a container: a proxy as the usual ones are, without what they cache. For each request it asks the Engine's
// name server for a name's addresses. With FALLBACK=yes it does what nginx does by default (proxy_next_upstream error
// timeout): an address that refuses the connection, or ends it before the first byte of an answer, is followed by the next.
import { promises as dns } from "node:dns";
import { once } from "node:events";
import { connect, createServer } from "node:net";

const { NAME, FALLBACK } = process.env;
const rounds = FALLBACK === "yes" ? 3 : 1;

/** The first answer's first bytes, with the connection that they came from. */
async function ask(request) {
  for (let round = 0; round < rounds; round++) {
    const found = await dns.resolve4(NAME).catch(() => []);
    for (const address of FALLBACK === "yes" ? found : found.slice(0, 1)) {
      const answer = await askAt(address, request);
      if (answer !== undefined) return answer;
    }
  }
  return undefined;
}

async function askAt(host, request) {
  const site = connect({ host, port: 3000 });
  const limit = setTimeout(() => site.destroy(new Error("no connection in time")), 500);
  try {
    await once(site, "connect");
    clearTimeout(limit);
    site.write(request);
    const [first] = await Promise.race([once(site, "data"), once(site, "close").then(() => [])]);
    if (first !== undefined) return { site, first };
  } catch {
    // Refused, reset, or nobody there.
  }
  clearTimeout(limit);
  site.destroy();
  return undefined;
}

createServer(async (client) => {
  client.on("error", () => {});
  const [request] = await once(client, "data").catch(() => []);
  const answer = request === undefined ? undefined : await ask(request);
  if (answer === undefined) return void client.destroy();
  answer.site.on("error", () => client.destroy());
  client.on("close", () => answer.site.destroy());
  client.write(answer.first);
  answer.site.pipe(client);
}).listen(8080);

process.on("SIGTERM", () => process.exit(0));
