/** What the docker target keeps, finds, refuses and puts back, on real Engines: the machine's, a newer one, podman. */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { request as requestPlain } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Docker, describeWithDocker } from "../support/docker.ts";
import { createTarget, lookAt, removeSlot } from "../support/docker-target.ts";
import { engineNodesMissing, type NodeEngine, startEngineNodes } from "../support/engine-nodes.ts";
import { freePorts } from "../support/free-port.ts";
import { temporaryFolder, until } from "../support/hook.ts";
import { findNewerEngine } from "../support/newer-engine.ts";
import { podmanEngine, podmanMissing } from "../support/podman.ts";
import {
  createCertificate,
  passwordAuth,
  type Registry,
  registryMissing,
  registryUser,
  startRegistry,
} from "../support/registry.ts";
import { pushSiteImage, siteImageMissing } from "../support/site-image.ts";

const repository = "site/target";
const network = "statigo-test-target";
const slots = [
  "target-all",
  "target-many-1",
  "target-many-2",
  "target-guest",
  "target-rm",
  "target-keep",
  "target-port",
  "target-pull",
  "target-tls",
  "target-run",
];

interface EnginePlace {
  docker: Pick<Docker, "run">;
  /** `unix:///…` */
  host: string;
  /** Where its published ports are reached. */
  address: string;
  /** Makes a port of this machine's loopback one that the Engine reaches too, and answers `address:port`. */
  offer(port: number): Promise<string>;
  /** Asks a container at its own address. */
  readPage(url: string): Promise<string>;
  stop(): Promise<void>;
}

const skip = registryMissing || siteImageMissing;

await describeWithDocker("the docker target", [], (docker) => {
  const machine: EnginePlace = {
    docker,
    host: docker.environment["DOCKER_HOST"] ?? "unix:///var/run/docker.sock",
    address: "127.0.0.1",
    offer: async (port) => `127.0.0.1:${port}`,
    readPage: async (url) => (await fetch(url)).text(),
    stop: async () => {},
  };
  describe("on a real Engine", { skip }, () => defineTests(async () => machine));
});

const newer = await findNewerEngine();

describe(
  "the docker target on a newer Engine",
  {
    skip: skip || engineNodesMissing || ("reason" in newer && newer.reason),
  },
  () => defineTests(() => openNode("reason" in newer ? {} : newer)),
);

describe("the docker target on podman", { skip: skip || engineNodesMissing || podmanMissing }, () =>
  defineTests(() => openNode(podmanEngine), { isPodman: true }),
);

async function openNode(engine: NodeEngine): Promise<EnginePlace> {
  const { nodes, offer, stop } = await startEngineNodes({ engines: [engine] });
  const [node] = nodes;
  if (node === undefined) throw new Error("there is no node");
  const docker = { run: (args: readonly string[]) => node.run(...args) };
  return { ...node, docker, offer, stop };
}

function defineTests(open: () => Promise<EnginePlace>, { isPodman = false } = {}): void {
  let place: EnginePlace;
  let folder = "";
  let registry: Registry;
  /** The images' name, as the Engine reaches their registry. */
  let image = "";
  const digests = new Map<string, string>();
  const targetOf = (more: object, service = "target") => {
    const options = { engine: place.host, pull: "never", overlap: "0s", health: { stable: "100ms" } };
    return createTarget({ ...options, ...more }, { image, service });
  };
  const run = (...args: readonly string[]) => place.docker.run(args);
  const start = (slot: string, tag: string, ...more: readonly string[]) =>
    run("run", "--detach", "--name", slot, ...more, `${image}:${tag}`);
  const inspect = async (name: string) => JSON.parse(await run("inspect", name))[0];
  const look = (slot: string) => lookAt(place.docker, slot, place.readPage);
  const remove = (slot: string) => removeSlot(place.docker, slot);

  before(async () => {
    place = await open();
    for (const slot of slots) await remove(slot);
    await run("network", "rm", network).catch(() => {});
    folder = temporaryFolder();
    registry = await startRegistry({ configuration: { auth: passwordAuth(folder) } });
    image = `${await place.offer(Number(registry.host.split(":")[1]))}/${repository}`;
    const auth = Buffer.from(Object.values(registryUser).join(":")).toString("base64");
    const auths = { [image.split("/")[0] ?? ""]: { auth } };
    writeFileSync(join(folder, "config.json"), JSON.stringify({ auths }));
    const push = { origin: registry.origin, authorization: `Basic ${auth}` };
    for (const tag of ["v1", "v2", "v3", "v4", "dead"]) {
      // Without a health check an Engine's first probe need not be waited for.
      const config = {
        Healthcheck: { Test: ["NONE"] },
        Env: [`RELEASE=${tag}`],
        Volumes: { "/data": {} },
      };
      const kind = tag === "dead" ? "crash" : "good";
      digests.set(tag, await pushSiteImage(push, repository, tag, { kind, config }));
      if (tag !== "v4") await run("--config", folder, "pull", "--quiet", `${image}:${tag}`);
    }
    await run("network", "create", "--subnet", "172.31.199.0/24", network);
  });
  after(async () => {
    try {
      for (const slot of slots) await remove(slot);
      await run("network", "rm", network);
      const images = await run("image", "ls", "--quiet", image);
      await run("image", "rm", "--force", ...new Set(images.split("\n")));
    } finally {
      await Promise.all([place.stop(), registry.stop()]);
      rmSync(folder, { recursive: true });
    }
  });

  test("a new container has what its owner gave the old one, and its image's own", async () => {
    const limits = [
      "--memory",
      "64m",
      "--cpus",
      "0.5",
      "--pids-limit",
      "50",
      "--read-only",
      "--cap-drop",
      "ALL",
    ];
    const mac = "02:42:ac:1f:00:63";
    // Podman tells nobody that an address is fixed.
    const fixed = isPodman ? [] : ["--ip", "172.31.199.9", "--mac-address", mac];
    const networks = ["--network", network, "--network-alias", "www", ...fixed];
    const rest = [
      "--env",
      "MINE=1",
      "--label",
      "site=all",
      "--tmpfs",
      "/tmp",
      "--restart",
      "on-failure:3",
      "--stop-timeout",
      "3",
    ];
    await start("target-all", "v1", ...limits, ...networks, ...rest);
    await run("network", "connect", "--alias", "inner", "bridge", "target-all").catch(() => {});
    const old = await inspect("target-all");
    const target = targetOf({ container: "target-all" });
    const outcome = await target.deploy("v2");
    assert.equal(outcome.kind, "succeeded", `${JSON.stringify(outcome)}\n${target.lines().join("\n")}`);
    const now = await inspect("target-all");
    const { RestartPolicy, Binds, ...host } = now.HostConfig;
    const { RestartPolicy: policy, Binds: _, ...oldHost } = old.HostConfig;
    assert.deepEqual(host, oldHost);
    assert.deepEqual(RestartPolicy, policy);
    // Podman tells the mount's options as well.
    assert.deepEqual(
      Binds.map((bind: string) => bind.split(":").slice(0, 2).join(":")),
      [`${old.Mounts[0].Name}:/data`],
    );
    assert.ok(now.Config.Env.includes("MINE=1") && now.Config.Env.includes("RELEASE=v2"), now.Config.Env);
    assert.ok(!now.Config.Env.includes("RELEASE=v1"));
    assert.equal(now.Config.Labels.site, "all");
    assert.equal(now.Config.StopTimeout, 3);
    assert.equal(now.Config.Hostname, now.Id.slice(0, 12));
    const { IPAddress, MacAddress, Aliases } = now.NetworkSettings.Networks[network];
    if (!isPodman) assert.deepEqual([IPAddress, MacAddress], ["172.31.199.9", mac]);
    assert.deepEqual(
      Aliases.filter((alias: string) => alias !== now.Id.slice(0, 12)),
      ["www", "target-all"],
    );
    assert.deepEqual(
      Object.keys(now.NetworkSettings.Networks).sort(),
      Object.keys(old.NetworkSettings.Networks).sort(),
    );
    assert.deepEqual(await target.target.current?.({ signal: AbortSignal.timeout(60_000) }), {
      tag: "v2",
      digest: digests.get("v2"),
    });
    const back = await target.rollback({ tag: "v1", digest: digests.get("v1") ?? null });
    assert.equal(back.kind, "succeeded", JSON.stringify(back));
    const again = await inspect("target-all");
    assert.equal(again.Id, old.Id);
    const endpoint = again.NetworkSettings.Networks[network];
    if (!isPodman) assert.deepEqual([endpoint.IPAddress, endpoint.MacAddress], ["172.31.199.9", mac]);
  });

  test("rollback starts what was kept; older ones are gone, and their tag is deployed anew", async () => {
    await start("target-keep", "v1");
    const target = targetOf({ container: "target-keep", keep: 1 }, "keep");
    for (const tag of ["v2", "v3"]) assert.equal((await target.deploy(tag)).kind, "succeeded");
    assert.equal((await look("target-keep")).length, 2, "v1 was removed");
    const [, kept] = await look("target-keep");
    const { Id } = await inspect(kept?.name ?? "");
    assert.equal((await target.rollback({ tag: "v2", digest: null })).kind, "succeeded");
    assert.equal((await inspect("target-keep")).Id, Id, "the same container serves again");
    assert.equal((await target.rollback({ tag: "v1", digest: null })).kind, "succeeded");
    assert.match(target.lines().join("\n"), /created target-keep-next-/);
    const already = await target.rollback({ tag: "v1", digest: null });
    assert.equal(
      already.kind === "succeeded" && already.summary,
      "1 container had v1 already: nothing to do",
    );
    assert.equal((await look("target-keep"))[0]?.page, "v1");
  });

  test("a published port passes to the new container, and back when that one is not healthy", async () => {
    const [port = 0] = await freePorts(1);
    const url = `http://${place.address}:${port}/`;
    const page = async () => (await fetch(url).catch(() => undefined))?.text();
    await start("target-port", "v1", "--publish", `${place.address}:${port}:3000`);
    const target = targetOf({ container: "target-port" }, "port");
    const good = await target.deploy("v2");
    assert.equal(good.kind, "succeeded", JSON.stringify(good));
    assert.match(target.lines().join("\n"), /stopping target-port first: it publishes 3000\/tcp/);
    await until("the new one answers", async () => (await page()) === "v2");
    const bad = await target.deploy("dead");
    assert.equal(bad.kind, "rolled-back", JSON.stringify(bad));
    await until("the old one answers again", async () => (await page()) === "v2");
  });

  test("pulls by the digest and with the login that it was given", async () => {
    await start("target-pull", "v1");
    const digest = digests.get("v4") ?? "";
    const pulling = { container: "target-pull", pull: "always" };
    const without = await targetOf(pulling, "pull").deploy("v4", { digest });
    assert.ok(without.kind === "failed" && without.engine === "unchanged" && !without.isTemporary);
    assert.match(without.reason, /no basic auth credentials|authentication required/);
    const target = targetOf({ ...pulling, ...registryUser }, "pull");
    const outcome = await target.deploy("v4", { digest });
    assert.equal(outcome.kind, "succeeded", JSON.stringify(outcome));
    const { Image: id } = await inspect("target-pull");
    const known = JSON.parse(await run("image", "inspect", "--format", "{{json .RepoDigests}}", id));
    assert.ok(known.includes(`${image}@${digest}`), known);
    const current = await target.target.current?.({ signal: AbortSignal.timeout(60_000) });
    assert.deepEqual(current, { tag: "v4", digest });
    const absent = await target.deploy("v9");
    assert.ok(absent.kind === "failed" && absent.engine === "unchanged" && !absent.isTemporary);
    assert.match(absent.reason, /manifest unknown/);
  });

  test("refuses what there is no way back from, before it touches anything", async () => {
    await start("target-rm", "v1", "--rm");
    const removed = await targetOf({ container: "target-rm" }).deploy("v2");
    assert.ok(removed.kind === "failed" && removed.engine === "unchanged");
    assert.match(removed.reason, /target-rm is removed as soon as it stops \(--rm\)/);
    const told = await targetOf({ container: "target-rm", autoRemove: true }).deploy("v2");
    assert.equal(told.kind, "succeeded", JSON.stringify(told));
    await until("the old one is removed", async () => (await look("target-rm")).length === 1);
    assert.deepEqual(await look("target-rm"), [{ name: "target-rm", page: "v2" }]);
    const guest = ["run", "--detach", "--name", "target-guest", "--network", "container:target-rm"];
    await run(...guest, `${image}:v1`, "-listen-addr", ":3001");
    const shared = await targetOf({ container: "target-rm", autoRemove: true }).deploy("v3");
    assert.match(
      shared.kind === "failed" ? shared.reason : "",
      /target-guest would lose the network of target-rm/,
    );
    await remove("target-guest");
    const missing = await targetOf({ container: "no-such-container" }).deploy("v2");
    assert.match(
      missing.kind === "failed" ? missing.reason : "",
      /has no container with the name no-such-container: start it once by hand/,
    );
    const absent = await targetOf({ container: "target-rm", autoRemove: true }).deploy("v9");
    assert.match(
      absent.kind === "failed" ? absent.reason : "",
      /does not have .*:v9, and `pull: never` forbids to pull it/,
    );
  });

  // The rest is the same for podman, which is slow.
  if (isPodman) return;

  test("several are replaced one at a time, and all are put back when one fails", async () => {
    for (const number of [1, 2]) await start(`target-many-${number}`, "v1", "--label", "site=many");
    const target = targetOf({ label: "site=many" }, "many");
    const good = await target.deploy("v2");
    assert.equal(good.kind === "succeeded" && good.summary, "replaced 2 containers by v2, healthy");
    assert.equal(good.kind === "succeeded" && good.isConverged, true);
    const again = await target.deploy("v2");
    assert.equal(again.kind === "succeeded" && again.summary, "2 containers had v2 already: nothing to do");
    const dead = await target.deploy("dead");
    assert.ok(dead.kind === "failed" && dead.engine === "unchanged", JSON.stringify(dead));
    assert.match(
      dead.reason,
      /target-many-1: the new container is not healthy: it ended with status \d+.*its last words: .*no-such-option/,
    );
    await remove("target-many-2");
    // A health check that no container can pass: there is no shell in the image.
    const sick = ["--health-cmd", "exit 0", "--health-interval", "200ms", "--health-retries", "1"];
    await start("target-many-2", "v2", "--label", "site=many", ...sick);
    // Podman asks by systemd's timers: without them, never.
    const health = { stable: "100ms", timeout: "5s" };
    const impatient = targetOf({ label: "site=many", health }, "many");
    const bad = await impatient.deploy("v3");
    assert.equal(bad.kind, "rolled-back", JSON.stringify(bad));
    assert.match(impatient.lines().join("\n"), /putting target-many-1 back as well/);
    for (const slot of ["target-many-1", "target-many-2"])
      assert.deepEqual((await look(slot))[0], { name: slot, page: "v2" });
  });

  test("a deployment that is cancelled while the new container starts leaves the old one", async () => {
    await start("target-run", "v1");
    const target = targetOf({ container: "target-run", health: { stable: "10s" } }, "run");
    const outcome = await target.deploy("v2", { signal: AbortSignal.timeout(1_000) });
    assert.ok(outcome.kind === "failed" && outcome.engine === "unchanged", JSON.stringify(outcome));
    assert.deepEqual(await look("target-run"), [{ name: "target-run", page: "v1" }]);
  });

  test("over TCP the Engine is spoken to with TLS, and both sides show a certificate", async () => {
    const folder = temporaryFolder();
    const pair = createCertificate(folder);
    const tls = { key: pair.keyPem, cert: pair.certificatePem, ca: pair.certificatePem, requestCert: true };
    const server = createServer({ ...tls, rejectUnauthorized: true }, (incoming, response) => {
      const { method, url, headers } = incoming;
      const socketPath = place.host.replace(/^unix:\/\//, "");
      const outgoing = requestPlain({ socketPath, path: url, method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(response);
      });
      incoming.pipe(outgoing);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      await start("target-tls", "v1");
      const address = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const files = { ca: pair.certificate, cert: pair.certificate, key: pair.key };
      const target = targetOf({ engine: address, tls: files, container: "target-tls" }, "tls");
      const outcome = await target.deploy("v2");
      assert.equal(outcome.kind, "succeeded", JSON.stringify(outcome));
      const without = targetOf(
        { engine: address, tls: { ca: pair.certificate }, container: "target-tls" },
        "tls",
      );
      const refused = await without.deploy("v3");
      assert.ok(refused.kind === "failed" && refused.engine === "unchanged", JSON.stringify(refused));
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    }
  });
}
