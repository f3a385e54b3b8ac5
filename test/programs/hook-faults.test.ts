/** What the hook promises when everything around it breaks: real processes, killed and starved. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Deployment, isEnded, type State } from "../../hook/store/deployment.ts";
import { openStore, type Store } from "../../hook/store/store.ts";
import { findConsul, startConsul } from "../support/consul.ts";
import {
  configOf,
  dockerHubBody,
  postWebhook,
  script,
  secretOf,
  temporaryFolder,
  until,
} from "../support/hook.ts";
import { type HookProcess, spawnHook, startHookProcess } from "../support/hook-process.ts";

const folders: string[] = [];
const started: HookProcess[] = [];
const stores: Store[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) store.close();
  for (const { child, ended } of started.splice(0)) {
    child.kill("SIGKILL");
    await ended;
  }
});
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = temporaryFolder();
  folders.push(folder);
  return folder;
}

async function start(folder: string, yaml: string, environment = {}): Promise<HookProcess> {
  const hook = await startHookProcess(folder, yaml, environment);
  started.push(hook);
  return hook;
}

async function kill(hook: HookProcess): Promise<void> {
  hook.child.kill("SIGKILL");
  assert.equal((await hook.ended).signal, "SIGKILL");
}

async function stop(hook: HookProcess): Promise<void> {
  hook.child.kill("SIGTERM");
  assert.equal((await hook.ended).status, 0);
}

/** The store beside the hook that writes it: for looking only. */
function look(folder: string): Store {
  const store = openStore(join(folder, "hook.db"));
  stores.push(store);
  return store;
}

async function untilState(store: Store, id: number, ...states: State[]): Promise<Deployment> {
  await until(
    `deployment ${id} is ${states.join(" or ")}`,
    () => states.includes(store.find(id)?.state as State),
    30_000,
  );
  return store.find(id) as Deployment;
}

/**
 * An engine that notices: it writes down each run by its tag, that it has ended, and whether another run of the same
 * service was there at the time (what has ended but was not waited for has no command line). A run of a tag that starts with "slow" ends when the test says so.
 */
const recording = script(`
  if [ -e "running-$STATIGO_SERVICE" ] && grep -q . "/proc/$(cat "running-$STATIGO_SERVICE")/cmdline" 2>/dev/null
  then echo "overlap $STATIGO_SERVICE" >> trace; fi
  echo $$ > "running-$STATIGO_SERVICE"
  echo "start $STATIGO_TAG" >> trace
  case "$STATIGO_TAG" in slow*) until [ -e "go-$STATIGO_TAG" ]; do sleep 0.01; done;; esac
  echo "end $STATIGO_TAG" >> trace
  rm "running-$STATIGO_SERVICE"`);

function traceOf(folder: string): string[] {
  const file = join(folder, "trace");
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
}

function count(folder: string, line: string): number {
  return traceOf(folder).filter((other) => other === line).length;
}

/** What the health gate asks: it answers with a status for each tag, 503 when there is none. */
const health = { port: 0, status: new Map<string, number>() };
const healthServer = createServer((request, response) => {
  response.writeHead(health.status.get(request.url?.slice(1) ?? "") ?? 503).end();
});
before(async () => {
  await new Promise<void>((resolve) => healthServer.listen(0, "127.0.0.1", resolve));
  health.port = (healthServer.address() as AddressInfo).port;
});
after(() => healthServer.close());

function withGate(yaml: string, timeout: string): string {
  const gate = `verify: { url: "http://127.0.0.1:${health.port}/\${tag}", every: 20ms, timeout: ${timeout} }`;
  return yaml.replace("    target:", `    ${gate}\n    target:`);
}

describe("a hook that is killed", () => {
  test("with webhooks on their way has lost none that it answered 202", async () => {
    const services = Array.from({ length: 40 }, (_, index) => `s${index}`);
    const held = Object.fromEntries(services.map((service) => [service, recording]));
    const folder = newFolder();
    const yaml = configOf(held, "deployments: { parallel: 1 }");
    const hook = await start(folder, yaml);
    const answered: string[] = [];
    const sending = services.map(async (service) => {
      const answer = await hook.push(service, `slow-${service}`).catch(() => undefined);
      if (answer?.status === 202) answered.push(service);
    });
    await until("some are answered", () => answered.length > 0);
    await kill(hook);
    await Promise.all(sending);
    const stored = new Set(
      look(folder)
        .list({ limit: 99 })
        .map(({ service }) => service),
    );
    assert.deepEqual(
      answered.filter((service) => !stored.has(service)),
      [],
    );
    for (const service of services) writeFileSync(join(folder, `go-slow-${service}`), "");
    const again = await start(folder, yaml);
    for (const { id } of look(folder).list({ limit: 99 })) await untilState(look(folder), id, "succeeded");
    await stop(again);
  });

  test("while one waits starts it at the next start, once", async () => {
    const folder = newFolder();
    const yaml = configOf({ blog: recording });
    const first = await start(folder, yaml);
    await first.push("blog", "slow-1");
    await until("it runs", () => traceOf(folder).length === 1);
    await first.push("blog", "v2");
    await kill(first);
    writeFileSync(join(folder, "go-slow-1"), "");
    const second = await start(folder, yaml);
    await untilState(look(folder), 2, "succeeded");
    assert.equal(count(folder, "start v2"), 1);
    await stop(second);
  });

  test("while one is deployed ends what the dead one had started, then runs it again", async () => {
    const folder = newFolder();
    const yaml = configOf({ blog: recording });
    const first = await start(folder, yaml);
    await first.push("blog", "slow-1");
    await until("it runs", () => traceOf(folder).length === 1);
    const store = look(folder);
    await until("it is remembered", () => store.find(1)?.note !== null);
    await kill(first);
    const second = await start(folder, yaml);
    await until("it runs again", () => count(folder, "start slow-1") === 2);
    writeFileSync(join(folder, "go-slow-1"), "");
    const { attempt } = await untilState(store, 1, "succeeded");
    assert.equal(attempt, 2);
    assert.deepEqual(traceOf(folder), ["start slow-1", "start slow-1", "end slow-1"]);
    await stop(second);
  });

  test("while one is verified goes on verifying, and does not deploy it again", async () => {
    const folder = newFolder();
    const yaml = withGate(configOf({ blog: recording }), "60s");
    const first = await start(folder, yaml);
    await first.push("blog", "v1");
    const store = look(folder);
    await untilState(store, 1, "verifying");
    await kill(first);
    const second = await start(folder, yaml);
    await until("it is taken up", () => store.find(1)?.attempt === 2);
    health.status.set("v1", 200);
    await untilState(store, 1, "succeeded");
    assert.deepEqual(traceOf(folder), ["start v1", "end v1"]);
    await stop(second);
  });

  test("while one is rolled back goes on rolling back, and does not deploy it again", async () => {
    const folder = newFolder();
    const yaml = withGate(configOf({ blog: recording }), "300ms");
    health.status.set("slow-good", 200);
    writeFileSync(join(folder, "go-slow-good"), "");
    const first = await start(folder, yaml);
    await first.push("blog", "slow-good");
    const store = look(folder);
    await untilState(store, 1, "succeeded");
    rmSync(join(folder, "go-slow-good"));
    await first.push("blog", "bad");
    await untilState(store, 2, "rolling-back");
    await until("the way back runs", () => count(folder, "start slow-good") === 2);
    await until("it is remembered", () => store.find(2)?.note !== null);
    await kill(first);
    const second = await start(folder, yaml);
    await until("the way back runs again", () => count(folder, "start slow-good") === 3);
    writeFileSync(join(folder, "go-slow-good"), "");
    const { rolledBackTo } = await untilState(store, 2, "rolled-back");
    assert.equal(rolledBackTo, "slow-good");
    assert.equal(count(folder, "start bad"), 1);
    assert.equal(count(folder, "overlap blog"), 0);
    await stop(second);
  });

  const steps = ["accepted", "waiting", "deploying", "verifying", "succeeded"];
  test("again and again, at moments nobody chose, comes to the right end", async () => {
    const folder = newFolder();
    const yaml = withGate(configOf({ blog: recording }), "60s");
    // One time less than a deployment may be interrupted before it counts as one that takes the hook with it.
    const rounds = 4;
    for (let round = 1; round <= rounds; round++) health.status.set(`v${round}`, 200);
    const store = look(folder.concat(""));
    for (let round = 1; round <= rounds; round++) {
      const hook = await start(folder, yaml);
      const answer = await hook.push("blog", `v${round}`);
      assert.equal(answer.status, 202);
      await sleep(round * 8);
      await kill(hook);
    }
    const last = await start(folder, yaml);
    await untilState(store, rounds, "succeeded");
    await until("all have ended", () => store.list({ limit: 99 }).every(isEnded));
    for (const { id, state, tag } of store.list({ limit: 99 })) {
      assert.ok(["succeeded", "superseded"].includes(state), `${tag} ${state}`);
      // Each step but the last may have been taken again; none is left out.
      const taken = store.listTransitions(id).map((step) => step.state);
      if (state === "succeeded")
        assert.deepEqual(
          steps.filter((step) => !taken.includes(step as State)),
          [],
        );
    }
    assert.equal(count(folder, "overlap blog"), 0);
    assert.equal(traceOf(folder).at(-1), `end v${rounds}`);
    await stop(last);
  });
});

const consul = await findConsul();

describe("a hook that is killed, with Consul as its engine", {
  skip: "reason" in consul ? consul.reason : false,
}, () => {
  test("writes the tag once, however often it is killed while it verifies", async () => {
    const agent = await startConsul("program" in consul ? consul : { program: "" });
    try {
      const folder = newFolder();
      const target = JSON.stringify({ consul: { address: agent.address } });
      const yaml = withGate(configOf({ blog: target }), "60s");
      const store = look(folder);
      for (let round = 1; round <= 3; round++) {
        const hook = await start(folder, yaml);
        if (round === 1) await hook.push("blog", "kept");
        await until(
          "it verifies",
          () => store.find(1)?.attempt === round && store.find(1)?.state === "verifying",
        );
        await kill(hook);
      }
      health.status.set("kept", 200);
      const last = await start(folder, yaml);
      await untilState(store, 1, "succeeded");
      const answer = await fetch(`${agent.address}/v1/kv/configs/stut/blog/IMAGE_TAG`);
      const [entry] = (await answer.json()) as { CreateIndex: number; ModifyIndex: number }[];
      assert.equal(entry?.ModifyIndex, entry?.CreateIndex);
      await stop(last);
    } finally {
      await agent.stop();
    }
  });
});

describe("two hooks on one store", () => {
  test("that are sent 200 webhooks each deploy every release at most once, and no two of a service at a time", async () => {
    const services = Array.from({ length: 10 }, (_, index) => `s${index}`);
    const yaml = configOf(Object.fromEntries(services.map((service) => [service, recording])));
    const folder = newFolder();
    const hooks = [await start(folder, yaml), await start(folder, yaml)];
    for (let release = 1; release <= 20; release++) {
      const answers = services.flatMap((service) =>
        hooks.map((hook) => hook.push(service, `${service}-${release}`)),
      );
      for (const answer of await Promise.all(answers)) assert.equal(answer.status, 202);
    }
    const store = look(folder);
    await until("all have ended", () => store.list({ limit: 999 }).every(isEnded));
    const all = store.list({ limit: 999 });
    assert.equal(all.length, 200);
    for (const { state, tag, reason } of all)
      assert.ok(["succeeded", "superseded"].includes(state), `${tag} ${state} ${reason}`);
    for (const service of services) assert.equal(store.lastSucceeded(service)?.tag, `${service}-20`);
    const starts = traceOf(folder).filter((line) => line.startsWith("start "));
    assert.deepEqual(starts.toSorted(), [...new Set(starts)].toSorted());
    assert.equal(starts.length, all.filter(({ state }) => state === "succeeded").length);
    assert.deepEqual(
      traceOf(folder).filter((line) => line.startsWith("overlap")),
      [],
    );
    const workers = new Set(hooks.map((hook) => hook.output().includes('"msg":"deployment started"')));
    assert.deepEqual([...workers], [true], "both have worked");
    for (const hook of hooks) await stop(hook);
  });

  test("take up at once what the other one left when it was killed, and leave alone what it is at work on", async () => {
    const folder = newFolder();
    const yaml = configOf({ blog: recording, site: recording });
    const first = await start(folder, yaml);
    await first.push("blog", "slow-1");
    await until("it runs", () => traceOf(folder).length === 1);
    const second = await start(folder, yaml);
    const store = look(folder);
    await until("it is remembered", () => store.find(1)?.note !== null);
    await sleep(1500);
    assert.deepEqual(traceOf(folder), ["start slow-1"]);
    await kill(first);
    await until("the other one runs it", () => count(folder, "start slow-1") === 2);
    writeFileSync(join(folder, "go-slow-1"), "");
    await untilState(store, 1, "succeeded");
    await stop(second);
  });

  test("carry out a cancellation that the other one was told", async () => {
    const folder = newFolder();
    const yaml = configOf({ blog: recording });
    const first = await start(folder, yaml);
    await first.push("blog", "slow-1");
    await until("it runs", () => traceOf(folder).length === 1);
    const store = look(folder);
    await store.write((changes) => changes.requestCancel(1, "ann"));
    const { reason } = await untilState(store, 1, "cancelled");
    assert.match(reason ?? "", /^cancelled by ann/);
    await stop(first);
  });
});

/** A file system of its own that can be filled. Only root may make one. */
function mountSmall(folder: string, sizeBytes: number): string {
  const disk = join(folder, "disk");
  mkdirSync(disk);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${sizeBytes}`, "tmpfs", disk]);
  return disk;
}

function fill(disk: string): void {
  const chunk = Buffer.alloc(4096);
  try {
    for (let index = 0; ; index++) writeFileSync(join(disk, `ballast-${index}`), chunk);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
  }
}

function empty(disk: string): void {
  for (const name of globSync("ballast-*", { cwd: disk })) rmSync(join(disk, name));
}

describe("a read-only disk", {
  skip: process.getuid?.() === 0 ? false : "only root can mount a file system",
}, () => {
  test("keeps the hook from starting, with what to look at, and the store is as it was when it can be written again", async () => {
    const folder = newFolder();
    const disk = mountSmall(folder, 4 * 1024 * 1024);
    const remount = (mode: "ro" | "rw") => execFileSync("mount", ["-o", `remount,${mode}`, disk]);
    const yaml = configOf({ blog: recording }).replace("./hook.db", "./disk/hook.db");
    try {
      const first = await start(folder, yaml);
      await first.push("blog", "v1");
      await until("it has run", () => traceOf(folder).includes("end v1"));
      await stop(first);
      remount("ro");
      const { errors, status } = await spawnHook(["--config", join(folder, "hook.yaml")]).ended;
      assert.equal(status, 1);
      assert.match(errors, /hook\.db cannot be (?:written: check the owner|opened: does its directory)/);
      remount("rw");
      const second = await start(folder, yaml);
      await second.push("blog", "v2");
      await until("it has run", () => traceOf(folder).includes("end v2"));
      await stop(second);
      assert.deepEqual(traceOf(folder), ["start v1", "end v1", "start v2", "end v2"]);
    } finally {
      execFileSync("umount", ["-l", disk]);
    }
  });
});

describe("a full disk", {
  skip: process.getuid?.() === 0 ? false : "only root can mount a small file system",
}, () => {
  let disk = "";
  afterEach(() => {
    if (disk !== "") execFileSync("umount", ["-l", disk]);
    disk = "";
  });

  test("answers webhooks 503, loses none that it took, and is over when there is space again", async () => {
    const folder = newFolder();
    disk = mountSmall(folder, 2 * 1024 * 1024);
    const yaml = configOf({ blog: recording }).replace("./hook.db", "./disk/hook.db");
    const hook = await start(folder, yaml);
    assert.equal((await hook.push("blog", "v1")).status, 202);
    const store = openStore(join(disk, "hook.db"));
    stores.push(store);
    await untilState(store, 1, "succeeded");
    fill(disk);
    const statuses = new Set<number>();
    for (let index = 0; index < 40 && !statuses.has(503); index++) {
      const bodies = Array.from({ length: 5 }, (_, part) => hook.push("blog", `full-${index}-${part}`));
      for (const answer of await Promise.all(bodies)) statuses.add(answer.status);
    }
    assert.ok(statuses.has(503));
    assert.equal((await hook.push("blog", "refused")).status, 503);
    assert.equal((await fetch(`${hook.origin()}/health`)).status, 204);
    empty(disk);
    assert.equal((await hook.push("blog", "v2")).status, 202);
    await until("all have ended", () => store.list({ limit: 999 }).every(isEnded));
    assert.equal(store.lastSucceeded("blog")?.tag, "v2");
    assert.deepEqual(
      store.list({ limit: 999 }).filter(({ tag }) => tag === "refused"),
      [],
    );
    stores.splice(0).forEach((one) => void one.close());
    await stop(hook);
  });

  test("while one is deployed keeps its outcome until it can be written down", async () => {
    const folder = newFolder();
    disk = mountSmall(folder, 2 * 1024 * 1024);
    const yaml = configOf({ blog: recording }).replace("./hook.db", "./disk/hook.db");
    const hook = await start(folder, yaml);
    await hook.push("blog", "slow-1");
    await until("it runs", () => traceOf(folder).length === 1);
    const store = openStore(join(disk, "hook.db"));
    stores.push(store);
    await until("it is remembered", () => store.find(1)?.note !== null);
    fill(disk);
    for (let index = 0; index < 200; index++)
      if ((await hook.push("blog", `full-${index}`)).status === 503) break;
    writeFileSync(join(folder, "go-slow-1"), "");
    await until("it has run", () => traceOf(folder).includes("end slow-1"));
    await sleep(300);
    empty(disk);
    await untilState(store, 1, "succeeded");
    assert.equal(count(folder, "start slow-1"), 1);
    stores.splice(0).forEach((one) => void one.close());
    await stop(hook);
  });
});

const [fakeTime] = globSync("/usr/lib/*/faketime/libfaketimeMT.so.1");

describe("a clock that jumps", {
  skip: fakeTime === undefined && "libfaketime is missing: apt-get install faketime",
}, () => {
  for (const [what, jump] of [
    ["a year ahead", "+365d"],
    ["a year back", "-365d"],
  ] as const) {
    test(`${what} neither starts anything twice nor holds it for ever`, async () => {
      const folder = newFolder();
      const clock = join(folder, "clock");
      writeFileSync(clock, "+0\n");
      const environment = {
        LD_PRELOAD: fakeTime,
        FAKETIME_TIMESTAMP_FILE: clock,
        FAKETIME_NO_CACHE: "1",
        FAKETIME_DONT_FAKE_MONOTONIC: "1",
        DONT_FAKE_MONOTONIC: "1",
      };
      const yaml = configOf({ blog: recording });
      const hook = await start(folder, yaml, environment);
      await hook.push("blog", "slow-1");
      await until("it runs", () => traceOf(folder).length === 1);
      const store = look(folder);
      writeFileSync(clock, `${jump}\n`);
      assert.equal((await hook.push("blog", "v2")).status, 202);
      await sleep(1500);
      assert.deepEqual(traceOf(folder), ["start slow-1"]);
      assert.equal(store.find(1)?.state, "deploying");
      writeFileSync(join(folder, "go-slow-1"), "");
      await untilState(store, 2, "succeeded");
      const apartMs = (store.find(2)?.acceptedAtMs ?? 0) - (store.find(1)?.acceptedAtMs ?? 0);
      assert.ok(Math.abs(apartMs) > 364 * 86_400_000, "the hook has seen the jump");
      assert.deepEqual(traceOf(folder), ["start slow-1", "end slow-1", "start v2", "end v2"]);
      assert.equal(store.lastSucceeded("blog")?.tag, "v2");
      await stop(hook);
    });
  }
});

test("a webhook that is sent again by a sender that got no answer is not deployed again", async () => {
  const folder = newFolder();
  const hook = await start(folder, configOf({ blog: recording }));
  const url = `${hook.origin()}/hooks/blog/${secretOf("blog")}`;
  const body = dockerHubBody("stut/blog", "v1");
  const given = new AbortController();
  const sent = fetch(url, {
    method: "POST",
    body,
    headers: { "content-type": "application/json" },
    signal: given.signal,
  });
  await sleep(3);
  given.abort();
  await sent.then(
    (answer) => answer.text(),
    () => {},
  );
  assert.equal((await postWebhook(url, body)).status, 202);
  const store = look(folder);
  await until(
    "it has ended",
    () => store.list({ limit: 9 }).length > 0 && store.list({ limit: 9 }).every(isEnded),
  );
  assert.equal(count(folder, "start v1"), 1);
  await stop(hook);
});
