/** What docs/runbook.md quotes, made to happen: each failure in a service of its own of one hook. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { isEnded } from "../../hook/store/deployment.ts";
import { openStore } from "../../hook/store/store.ts";
import { startCommand } from "./command-line.ts";
import { freePorts } from "./free-port.ts";
import { adminToken, configOf, script, startHook, type TestHook, temporaryFolder, until } from "./hook.ts";
import { spawnHook } from "./hook-process.ts";
import { makeJob, type NomadServer, startNomad } from "./nomad.ts";
import { layoutFiles, siteImage, writeFiles } from "./site-images.ts";

export interface Rehearsal {
  hook: TestHook;
  /** What `statigo log` shows of a service's last deployment, once it has ended or waits. */
  logOf(service: string): Promise<string>;
  imageOf(service: string): string;
  /** What a hook says whose store was cut short. */
  startDamaged(): Promise<string>;
  stop(): Promise<void>;
}

/** Answers as a registry does that lacks the tag, that wants a login, as a site that is not well. */
async function startAnswers(): Promise<{ host: string; stop(): void }> {
  const server = createServer((request, response) => {
    request.resume();
    const isManifest = request.url?.startsWith("/v2/acme/private") ?? false;
    if (isManifest) response.setHeader("www-authenticate", 'Basic realm="registry"');
    response.writeHead(isManifest ? 401 : request.url === "/" ? 503 : 404, { "content-type": "text/plain" });
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, stop };
}

function smallDisk(folder: string): string {
  const disk = join(folder, "sites");
  mkdirSync(disk);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]);
  return disk;
}

export const canMount = process.getuid?.() === 0;

interface Service {
  image?: string;
  target: object | string;
  more?: string;
}

function servicesOf(
  folder: string,
  host: string,
  deadPort: number,
  nomad: NomadServer,
): Record<string, Service> {
  const good = script("exit 0");
  const layout = join(folder, "layout");
  const large = siteImage({ "index.html": "x", "film.mp4": "x".repeat(300_000) });
  writeFiles(layout, layoutFiles([{ tag: "v2", parts: large }]));
  return {
    missing: { image: `${host}/acme/missing`, target: good, more: "registry: { timeout: 5s }" },
    login: {
      image: `${host}/acme/private`,
      target: good,
      more: "registry: { username: ci, password: an-old-password }",
    },
    away: {
      target: { consul: { address: `http://127.0.0.1:${deadPort}` } },
      more: "retry: { attempts: 2, first: 10ms }",
    },
    unhealthy: {
      target: good,
      more: `verify: { url: "http://${host}/", every: 100ms, timeout: 1s }`,
    },
    forbidden: {
      target: { nomad: { address: nomad.origin, job: "shop", token: "reader-token-0123456789" } },
    },
    unplaced: {
      target: { nomad: { address: nomad.origin, job: "blog", token: "deployer-token-0123456789" } },
      more: "retry: { attempts: 1 }",
    },
    ...(canMount && {
      full: { target: { directory: { folder: join(smallDisk(folder), "full"), from: { layout } } } },
    }),
    slow: { target: script("echo uploading; sleep 60", { timeout: "1s" }) },
    broken: {
      target: script(
        "echo 'purging the cache'; echo 'curl: (6) Could not resolve host: cdn.lan' >&2; exit 6",
      ),
    },
    closed: {
      target: good,
      more: 'window: { days: [mon], from: "00:00", to: "00:01", zone: Pacific/Kiritimati }',
    },
    asked: { target: good, more: "approval: true" },
    policy: { target: good, more: "tags: '^v\\d+$'" },
  };
}

export async function startRehearsal(): Promise<Rehearsal> {
  const folder = temporaryFolder();
  const answers = await startAnswers();
  const nomad = await startNomad();
  nomad.tokens.set("reader-token-0123456789", ["read-job"]);
  nomad.tokens.set("deployer-token-0123456789", ["read-job", "submit-job"]);
  nomad.add({ ...makeJob({ image: "stut/forbidden:v1" }), ID: "shop" });
  nomad.add({ ...makeJob({ image: "stut/unplaced:v1" }), ID: "blog" });
  const [deadPort = 0] = await freePorts(1);
  const services = servicesOf(folder, answers.host, deadPort, nomad);
  const hook = await startHook(configFor(services), { folder });
  nomad.cluster.excludedBy = ["$", "{attr.kernel.name} = windows"].join("");
  return {
    hook,
    logOf: (service) => readLog(hook, service),
    imageOf: (service) => services[service]?.image ?? `stut/${service}`,
    startDamaged: () => startDamaged(join(folder, "damaged")),
    async stop() {
      await hook.stop();
      await nomad.stop();
      answers.stop();
      if (canMount) execFileSync("umount", ["-l", join(folder, "sites")]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configFor(services: Readonly<Record<string, Service>>): string {
  const targets = Object.entries(services).map(([name, { target, more = "" }]): [string, string] => [
    name,
    `${typeof target === "string" ? target : JSON.stringify(target)}\n    ${more}`,
  ]);
  return configOf(Object.fromEntries(targets), "deployments: { parallel: 16 }").replace(
    /image: stut\/(\w+)/g,
    (_, name: string) => `image: ${services[name]?.image ?? `stut/${name}`}`,
  );
}

async function readLog(hook: TestHook, service: string): Promise<string> {
  const [deployment] = hook.store.list({ services: [service], limit: 1 });
  if (deployment === undefined) throw new Error(`${service} has no deployment`);
  const { id } = deployment;
  await until(
    `deployment ${id} of ${service} has ended or waits for more than its turn`,
    () => {
      const { state = "accepted", waitingFor = null } = hook.store.find(id) ?? {};
      return isEnded({ state }) || (waitingFor !== null && waitingFor !== "turn" && waitingFor !== "retry");
    },
    30_000,
  );
  const environment = { STATIGO_HOOK_URL: hook.origin, STATIGO_HOOK_TOKEN: adminToken, NO_COLOR: "1" };
  const { out, err } = await startCommand(["log", String(id)], environment).ended;
  return `${out}${err}`;
}

async function startDamaged(folder: string): Promise<string> {
  mkdirSync(folder);
  const file = join(folder, "hook.db");
  openStore(file).close();
  truncateSync(file, 20_000);
  writeFileSync(join(folder, "hook.yaml"), configOf({ blog: script("exit 0") }));
  const { errors, status } = await spawnHook(["--config", join(folder, "hook.yaml")]).ended;
  if (status !== 1) throw new Error(`it ended with ${status}`);
  return errors;
}
