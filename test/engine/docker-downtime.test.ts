/** What visitors notice of a deployment on a real Engine: good ones, failing ones, and going back. */
import assert from "node:assert/strict";
import { resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Docker, describeWithDocker } from "../support/docker.ts";
import { buildSite, createTarget, lookAt, removeSlot } from "../support/docker-target.ts";
import { freePorts } from "../support/free-port.ts";
import { buildBaseImage } from "../support/images.ts";
import { startVisitors } from "../support/visitors.ts";

const repository = "statigo-test/downtime";
const network = "statigo-test-downtime";
const script = resolve(import.meta.dirname, "../support/alias-proxy.mjs");
const quick = 'HEALTHCHECK --interval=250ms --timeout=2s --retries=3 CMD ["/statigo", "--healthcheck"]';
const failing = 'HEALTHCHECK --interval=250ms --timeout=2s --retries=2 CMD ["/statigo", "--no-such-flag"]';
const releases = { v1: quick, v2: quick, sick: failing };

await describeWithDocker("the docker target", ["node:24-bookworm-slim"], (docker) => {
  describe("and the site's visitors", () => defineTests(docker));
});

function defineTests(docker: Docker): void {
  const engine = docker.environment["DOCKER_HOST"] ?? "unix:///var/run/docker.sock";
  const targetOf = (slot: string) =>
    createTarget({ engine, container: slot, pull: "never", overlap: "1s" }, { image: repository });

  before(async () => {
    const base = await buildBaseImage(docker);
    for (const [tag, line] of Object.entries(releases))
      await buildSite(docker, base, `${repository}:${tag}`, [line]);
    for (const slot of ["downtime-near", "downtime-far"]) await removeSlot(docker, slot);
    await docker.run(["network", "rm", network]).catch(() => {});
    await docker.run(["network", "create", network]);
  });
  after(async () => {
    for (const slot of ["downtime-near", "downtime-far"]) await removeSlot(docker, slot);
    await docker.run(["network", "rm", network]);
    for (const tag of Object.keys(releases))
      await docker.run(["image", "rm", "--force", `${repository}:${tag}`]);
  });

  async function startProxy(name: string, fallback: "yes" | "no"): Promise<string> {
    const run = ["run", "--detach", "--name", name, "--network", network, "--publish", "127.0.0.1::8080"];
    const more = [
      "--env",
      "NAME=web",
      "--env",
      `FALLBACK=${fallback}`,
      "--volume",
      `${script}:/proxy.mjs:ro`,
    ];
    await docker.run([...run, ...more, "node:24-bookworm-slim", "node", "/proxy.mjs"]);
    return `http://${(await docker.run(["port", name, "8080/tcp"])).split("\n")[0]}/`;
  }

  test("start-first: none fails behind a proxy that asks for the alias, in a good, a failing and a reverse deployment", async (t) => {
    const slot = "downtime-near";
    const place = ["--network", network, "--network-alias", "web"];
    await docker.run(["run", "--detach", "--name", slot, ...place, `${repository}:v1`]);
    const url = await startProxy(`${slot}-proxy`, "yes");
    const plain = await startProxy(`${slot}-plain`, "no");
    await until(url);
    await until(plain);
    const visitors = startVisitors(url);
    const others = startVisitors(plain, { count: 1 });
    const target = targetOf(slot);
    const good = await target.deploy("v2");
    assert.equal(good.kind, "succeeded", JSON.stringify(good));
    const bad = await target.deploy("sick");
    assert.ok(bad.kind === "failed" && bad.engine === "unchanged", JSON.stringify(bad));
    const back = await target.rollback({ tag: "v1", digest: null });
    assert.equal(back.kind, "succeeded", JSON.stringify(back));
    const visits = await visitors.stop();
    const { answered, failures } = await others.stop();
    t.diagnostic(`with fallback: ${visits.answered} requests, ${visits.failures.length} failed`);
    t.diagnostic(`the first address only: ${answered + failures.length} requests, ${failures.length} failed`);
    assert.deepEqual(visits.failures, []);
    assert.ok(visits.answered > 300, `${visits.answered} requests`);
    assert.deepEqual([...visits.pages].sort(), ["v1", "v2"], "nobody has seen the failing release");
  });

  test("stop-first: the gap of a published port is short, and a failing deployment ends with the old one", async (t) => {
    const slot = "downtime-far";
    const [port = 0] = await freePorts(1);
    await docker.run([
      "run",
      "--detach",
      "--name",
      slot,
      "--publish",
      `127.0.0.1:${port}:3000`,
      `${repository}:v1`,
    ]);
    const url = `http://127.0.0.1:${port}/`;
    await until(url);
    const gaps: Record<string, number> = {};
    for (const tag of ["v2", "sick"]) {
      const visitors = startVisitors(url);
      const outcome = await targetOf(slot).deploy(tag);
      assert.equal(outcome.kind, tag === "sick" ? "rolled-back" : "succeeded", JSON.stringify(outcome));
      await until(url);
      const { gapMs, failures, answered, pages } = await visitors.stop();
      gaps[tag] = gapMs;
      t.diagnostic(
        `${tag}: ${failures.length} of ${answered + failures.length} failed, the longest gap ${Math.round(gapMs)} ms; pages ${[...pages].join(", ")}`,
      );
    }
    const [now] = await lookAt(docker, slot);
    assert.deepEqual(now, { name: slot, page: "v2" });
    // Not the 10 s after which an Engine kills what does not end by itself.
    assert.ok((gaps["v2"] ?? 0) < 9_000, `${gaps["v2"]} ms`);
  });
}

async function until(url: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    const answer = await fetch(url).catch(() => undefined);
    await answer?.text();
    if (answer?.ok) return;
    if (tries > 100) throw new Error(`${url} does not answer`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
