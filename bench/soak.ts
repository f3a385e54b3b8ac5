/**
 * npm run soak -- [--seconds N] [--seed N]
 * Mixed load on the native server for a long time: ordinary requests, aborted downloads, slow readers, slow writers, idle
 * connections, garbage. Memory and descriptors have to stay flat.
 */
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { exchangeInput } from "../test/fuzz/exchange.ts";
import { Random } from "../test/fuzz/random.ts";
import { rightRequests } from "../test/fuzz/requests.ts";
import { makeInput } from "../test/fuzz/wire.fuzz.ts";
import { requestText } from "./clients.ts";
import { median } from "./figures.ts";
import { moveToLoadCore } from "./machine.ts";
import type { RunningServer } from "./server.ts";
import { pagePaths, Sites } from "./sites.ts";
import { startSubject, subjects } from "./subjects.ts";

/** More than this between the first and the last third of the run, in the median, is growth. */
const toleratedBytes = 200_000;
const toleratedDescriptors = 10;
const sampleEveryMs = 250;
const settleMs = 4000;

interface Client {
  readonly count: number;
  /** One visit, over a connection of its own. */
  visit(port: number, random: Random): Promise<void>;
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

function clientsOf(sites: Sites): Record<string, Client> {
  const bigFile = sites.bigFile(20);
  const pages = pagePaths(100);
  return {
    ordinary: {
      count: 8,
      visit: async (port, random) => {
        const socket = await open(port);
        for (let i = random.below(50); i >= 0; i--) {
          socket.write(requestText(random.pick(pages)));
          const [chunk] = (await once(socket, "data")) as [Buffer];
          if (!chunk.toString("latin1").startsWith("HTTP/1.1 200"))
            throw new Error(`answered ${chunk.subarray(0, 40)}`);
          // The rest of the answer, so that the next one starts with its status.
          await sleep(5);
        }
        socket.destroy();
      },
    },
    "aborted downloads": {
      count: 4,
      visit: async (port, random) => {
        const socket = await open(port);
        socket.write(requestText(bigFile));
        await once(socket, "data");
        if (random.chance(0.5)) socket.resetAndDestroy();
        else socket.destroy();
      },
    },
    "slow readers": {
      count: 20,
      visit: async (port, random) => {
        const socket = await open(port);
        socket.write(requestText(bigFile));
        for (let i = random.below(20); i >= 0; i--) {
          socket.once("data", () => socket.pause());
          socket.resume();
          await sleep(250);
        }
        socket.destroy();
      },
    },
    "slow writers": {
      count: 20,
      visit: async (port, random) => {
        const socket = await open(port);
        socket.resume();
        for (const character of requestText("/index.html").slice(random.below(20))) {
          if (socket.destroyed) return;
          socket.write(character);
          await sleep(random.below(200));
        }
        socket.destroy();
      },
    },
    idle: {
      count: 50,
      visit: async (port, random) => {
        const socket = await open(port);
        if (random.chance(0.7)) socket.write(requestText("/index.html"));
        socket.resume();
        await sleep(random.below(20_000));
        socket.destroy();
      },
    },
    garbage: {
      count: 8,
      visit: async (port, random) => {
        await exchangeInput(port, makeInput(random, rightRequests), { pauseMs: 2, silenceMs: 100 });
      },
    },
  };
}

interface Sample {
  readonly residentBytes: number;
  readonly descriptors: number;
}

function takeSample(server: RunningServer): Sample {
  const { residentBytes } = server.memory();
  return { residentBytes, descriptors: readdirSync(`/proc/${server.child.pid}/fd`).length };
}

function medianOf(samples: readonly Sample[], name: keyof Sample): number {
  return median(samples.map((sample) => sample[name]));
}

/** Runs all clients until the end; how often each came. */
async function load(
  server: RunningServer,
  sites: Sites,
  seconds: number,
  seed: number,
): Promise<Map<string, number>> {
  const visits = new Map<string, number>();
  const endsAt = performance.now() + seconds * 1000;
  const workers = Object.entries(clientsOf(sites)).flatMap(([name, { count, visit }]) =>
    Array.from({ length: count }, async (_, index) => {
      const random = new Random(seed + 1000 * index + name.length);
      while (performance.now() < endsAt) {
        await visit(server.port, random);
        visits.set(name, (visits.get(name) ?? 0) + 1);
      }
    }),
  );
  await Promise.all(workers);
  return visits;
}

async function soak(server: RunningServer, sites: Sites, seconds: number, seed: number): Promise<string[]> {
  await load(server, sites, Math.min(10, seconds), seed);
  await sleep(settleMs);
  const before = takeSample(server);
  const samples: Sample[] = [];
  const endsAt = performance.now() + seconds * 1000;
  const sampling = setInterval(() => {
    // The last visits run on for a while, with less and less load.
    if (performance.now() < endsAt) samples.push(takeSample(server));
  }, sampleEveryMs);
  const visits = await load(server, sites, seconds, seed + 1);
  clearInterval(sampling);
  await sleep(settleMs);
  const afterwards = takeSample(server);
  const third = Math.floor(samples.length / 3);
  const [first, last] = [samples.slice(0, third), samples.slice(-third)];
  console.log(`visits: ${[...visits].map(([name, count]) => `${count} ${name}`).join(", ")}`);
  console.log(
    `warm and at rest before: ${JSON.stringify(before)}, afterwards: ${JSON.stringify(afterwards)}`,
  );
  const tenth = Math.max(1, Math.floor(samples.length / 10));
  const series = samples
    .filter((_, index) => index % tenth === 0)
    .map(({ residentBytes }) => Math.round(residentBytes / 1000));
  console.log(`resident kB, ten times a run: ${series.join(" ")}`);
  const limits = { residentBytes: toleratedBytes, descriptors: toleratedDescriptors };
  const problems: string[] = [];
  for (const name of ["residentBytes", "descriptors"] as const) {
    const [early, late] = [medianOf(first, name), medianOf(last, name)];
    console.log(`${name}: median of the first third ${early}, of the last ${late}`);
    if (late - early > limits[name]) problems.push(`${name} grew under load`);
  }
  if (afterwards.descriptors > before.descriptors) problems.push("descriptors are left over");
  if (afterwards.residentBytes - before.residentBytes > toleratedBytes) problems.push("memory is left over");
  return problems;
}

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "600" }, seed: { type: "string", default: "1" } },
});
const [statigo] = subjects;
if (statigo === undefined || statigo.missing !== false) throw new Error(statigo?.missing || "no server");
const folder = mkdtempSync(join(tmpdir(), "statigo-soak-"));
const sites = new Sites(folder);
moveToLoadCore();
const server = await startSubject(statigo, {
  root: sites.ordinary(),
  workFolder: folder,
  hasLog: true,
  maxConnections: 1024,
});
try {
  const problems = await soak(server, sites, Number(values.seconds), Number(values.seed));
  console.log(problems.length === 0 ? "flat" : `NOT FLAT: ${problems.join(", ")}`);
  if (problems.length > 0) process.exitCode = 1;
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
