/**
 * The swarm target with three machines and a registry that wants a login. The manager has a newer Docker than the
 * workers, as in the middle of an upgrade.
 */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { portainer as portainerKind } from "../../hook/target/portainer/index.ts";
import { temporaryFolder } from "../support/hook.ts";
import { findNewerEngine } from "../support/newer-engine.ts";
import { startPortainer } from "../support/portainer.ts";
import { passwordAuth, registryUser } from "../support/registry.ts";
import {
  anyPort,
  createSwarmTarget,
  createTestTarget,
  keepAsking,
  listPlaces,
  readPage,
  reasonOf,
  report,
  startSwarm,
  swarmMissing,
  type TestSwarm,
  untilServing,
} from "../support/swarm.ts";

const quick = { monitor: "500ms" };
const signal = () => AbortSignal.timeout(60_000);

const newer = await findNewerEngine();

describe("the swarm target, on three nodes with a registry that wants a login", {
  skip: swarmMissing || ("reason" in newer && newer.reason),
}, () => {
  let swarm: TestSwarm;
  let folder: string;
  const authorization = `Basic ${Buffer.from(Object.values(registryUser).join(":")).toString("base64")}`;
  before(async () => {
    folder = temporaryFolder();
    const registry = { configuration: { auth: passwordAuth(folder) } };
    const engines = "path" in newer ? [newer] : [];
    swarm = await startSwarm({ count: 3, engines, registry, authorization });
    for (const tag of ["v1", "v2"]) await swarm.push(tag);
    await swarm.push("sick", { kind: "sick" });
    const [place = ""] = swarm.image.split("/");
    const auths = { [place]: { auth: authorization.slice("Basic ".length) } };
    writeFileSync(join(folder, "config.json"), JSON.stringify({ auths }));
    const config = ["--config", folder];
    const create = [...anyPort, "--replicas", "3", "--replicas-max-per-node", "2", "--with-registry-auth"];
    const options = ["--detach", "--quiet", "--name", "www", "--endpoint-mode", "dnsrr", ...create];
    await swarm.manager.run(...config, "service", "create", ...options, `${swarm.image}:v1`);
    await untilServing(swarm, "www", "v1", 3);
  });
  after(async () => {
    await swarm.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const targetOf = (options: object = {}) => {
    const login = { dockerConfig: join(folder, "config.json") };
    return createSwarmTarget(
      { engine: swarm.manager.host, service: "www", ...quick, ...login, ...options },
      swarm.image,
    );
  };

  test("the nodes pull with the login that the hook has, and no request is lost", async (t) => {
    const asking = keepAsking(swarm, "www");
    const outcome = await targetOf().deploy("v2");
    const tally = await asking.stop();
    assert.equal(outcome.kind, "succeeded", reasonOf(outcome));
    assert.deepEqual(tally.failures, []);
    report(t, "a good update on three nodes", tally);
    const places = await listPlaces(swarm, "www");
    // Three tasks, at most two on a node.
    assert.ok(new Set(places.map((place) => place.split(":")[0])).size >= 2);
    for (const place of places) assert.equal(await readPage(place), "v2");
  });

  test("a release that is not healthy is rolled back, and no request is lost", async (t) => {
    const asking = keepAsking(swarm, "www");
    const outcome = await targetOf().deploy("sick");
    const tally = await asking.stop();
    assert.equal(outcome.kind, "rolled-back", reasonOf(outcome));
    assert.match(reasonOf(outcome), / on node[123]/);
    assert.deepEqual(tally.failures, []);
    report(t, "a failing update on three nodes", tally);
  });

  test("without the login it fails before anything moves, and says what to do", async () => {
    const anonymous = createSwarmTarget({ engine: swarm.manager.host, service: "www" }, swarm.image);
    const outcome = await anonymous.deploy("v1");
    assert.ok(outcome.kind === "failed" && outcome.engine === "unchanged");
    assert.match(outcome.reason, /give the target a login for the registry/);
  });

  test("through Portainer, the nodes pull with the login of Portainer's own registry", async () => {
    const managed = {
      engine: swarm.manager,
      endpoint: 2,
      webhooks: new Map(),
      stacks: new Map(),
      registries: new Map([[3, { ...registryUser, serveraddress: swarm.image.split("/")[0] ?? "" }]]),
    };
    const portainer = await startPortainer({ managed, apiKey: "ptr_0123456789" });
    // The manager has v1 already, so that a service without a login comes up on it.
    await swarm.manager.run("--config", folder, "pull", "--quiet", `${swarm.image}:v1`);
    const onManager = ["--constraint", "node.hostname==node1", "--no-resolve-image"];
    await swarm.createService("anonymous", [...anyPort, ...onManager], `${swarm.image}:v1`);
    await untilServing(swarm, "anonymous", "v1", 1);
    const digest = await swarm.push("v3");
    const through = {
      url: portainer.origin,
      apiKey: "ptr_0123456789",
      endpoint: 2,
      service: "anonymous",
      ...quick,
    };
    try {
      const without = await createTestTarget(portainerKind, through, swarm.image).deploy("v3", { digest });
      assert.equal(without.kind, "rolled-back", reasonOf(without));
      assert.match(reasonOf(without), /No such image/);
      const outcome = await createTestTarget(portainerKind, { ...through, registry: 3 }, swarm.image).deploy(
        "v3",
        {
          digest,
        },
      );
      assert.equal(outcome.kind, "succeeded", reasonOf(outcome));
      await untilServing(swarm, "anonymous", "v3", 1);
    } finally {
      await portainer.stop();
    }
  });

  test("a worker cannot be asked, and the check says so", async () => {
    const result = await targetOf({ engine: swarm.nodes[1]?.host }).target.check?.({ signal: signal() });
    assert.ok(result?.ok === false && /is a worker of its swarm: only a manager can/.test(result.problem));
  });
});
