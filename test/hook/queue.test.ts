import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openStore } from "../../hook/store/store.ts";
import { newDeployment, takeAll } from "../support/deployments.ts";
import {
  configOf,
  script,
  secretOf,
  startHook,
  type TestHook,
  temporaryFolder,
  until,
} from "../support/hook.ts";

const folders: string[] = [];
function newFolder(): string {
  const folder = temporaryFolder();
  folders.push(folder);
  return folder;
}
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Writes when it starts and ends, and ends when the test says so. */
const gated =
  'echo "start $STATIGO_TAG" >> trace; until [ -e "go-$STATIGO_TAG" ]; do sleep 0.01; done; echo "end $STATIGO_TAG" >> trace';

function traceOf({ folder }: { folder: string }): string[] {
  const file = join(folder, "trace");
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
}

function letGo({ folder }: { folder: string }, ...tags: string[]): void {
  for (const tag of tags) writeFileSync(join(folder, `go-${tag}`), "");
}

function push(hook: TestHook, service: string, tag: string): Promise<Response> {
  return hook.push(tag, { service, image: `stut/${service}` });
}

describe("the queue", () => {
  test("runs the deployments of one service one at a time, in the order they were asked for", async () => {
    const hook = await startHook(configOf({ blog: script(gated) }), { folder: newFolder() });
    for (const tag of ["v1", "v2", "v3"]) await hook.operations.deployTag("blog", { tag }, "ben");
    letGo(hook, "v3", "v2");
    await until("the first starts", () => traceOf(hook).length > 0);
    await sleep(100);
    assert.deepEqual(traceOf(hook), ["start v1"]);
    letGo(hook, "v1");
    await hook.untilEnded(3);
    assert.deepEqual(traceOf(hook), ["start v1", "end v1", "start v2", "end v2", "start v3", "end v3"]);
    await hook.stop();
  });

  test("leaves only the newest of the webhooks waiting that came while one was deployed", async () => {
    const hook = await startHook(configOf({ blog: script(gated) }), { folder: newFolder() });
    await push(hook, "blog", "v1");
    await until("the first starts", () => traceOf(hook).length > 0);
    for (const tag of ["v2", "v3", "v4"]) await push(hook, "blog", tag);
    letGo(hook, "v1", "v2", "v3", "v4");
    await hook.untilEnded(4);
    assert.deepEqual(traceOf(hook), ["start v1", "end v1", "start v4", "end v4"]);
    const ends = [1, 2, 3, 4].map((id) => hook.store.find(id)).map((found) => [found?.state, found?.reason]);
    assert.deepEqual(ends.slice(1, 3), [
      ["superseded", "superseded by v3 of deployment 3"],
      ["superseded", "superseded by v4 of deployment 4"],
    ]);
    await hook.stop();
  });

  test("runs different services side by side, but not more than `parallel`", async () => {
    const yaml = configOf(
      { a: script(gated), b: script(gated), c: script(gated) },
      "deployments: { parallel: 2 }",
    );
    const hook = await startHook(yaml, { folder: newFolder() });
    for (const service of ["a", "b", "c"]) await push(hook, service, service);
    await until("two start", () => traceOf(hook).length === 2);
    await sleep(100);
    assert.deepEqual(traceOf(hook).sort(), ["start a", "start b"]);
    letGo(hook, "b");
    await until("the third starts", () => traceOf(hook).includes("start c"));
    assert.ok(!traceOf(hook).includes("end a"));
    letGo(hook, "a", "c");
    for (const id of [1, 2, 3]) await hook.untilEnded(id);
    await hook.stop();
  });

  test("goes on after a deployment that failed", async () => {
    const hook = await startHook(configOf({ blog: script('[ "$STATIGO_TAG" != v1 ]') }));
    for (const tag of ["v1", "v2"]) await hook.operations.deployTag("blog", { tag }, "ben");
    assert.equal((await hook.untilEnded(2)).state, "succeeded");
    assert.equal(hook.store.find(1)?.state, "failed");
    await hook.stop();
  });
});

describe("stopping", () => {
  test("waits for what runs, starts nothing more, and leaves the rest to the next start", async () => {
    const folder = newFolder();
    const yaml = configOf({ blog: script(gated) });
    const first = await startHook(yaml, { folder });
    await push(first, "blog", "v1");
    await until("the first starts", () => traceOf(first).length > 0);
    await push(first, "blog", "v2");
    const stopped = first.stop();
    await assert.rejects(push(first, "blog", "v3"), "the port is closed");
    letGo(first, "v1", "v2");
    await stopped;
    assert.deepEqual(traceOf(first), ["start v1", "end v1"]);
    const second = await startHook(yaml, { folder });
    assert.equal((await second.untilEnded(2)).state, "succeeded");
    assert.deepEqual([second.store.find(1)?.state, second.store.find(1)?.attempt], ["succeeded", 1]);
    await second.stop();
  });

  test("hands a deployment over when the grace time is over", async () => {
    const folder = newFolder();
    const yaml = configOf({ blog: script(gated) }, "deployments: { grace: 100ms }");
    const first = await startHook(yaml, { folder });
    await push(first, "blog", "v1");
    await until("it starts", () => traceOf(first).length === 1);
    await first.stop();
    const store = openStore(join(folder, "hook.db"));
    const waiting = store.find(1);
    assert.equal(waiting?.state, "waiting");
    assert.match(waiting?.reason ?? "", /interrupted because the hook was stopped; the next start goes on/);
    store.close();
    letGo(first, "v1");
    const second = await startHook(yaml, { folder });
    const ended = await second.untilEnded(1);
    assert.deepEqual([ended.state, ended.attempt], ["succeeded", 2]);
    assert.deepEqual(traceOf(first), ["start v1", "start v1", "end v1"]);
    assert.match(second.logOf(1), /with command \(attempt 2\)/);
    await second.stop();
  });
});

describe("stopping with a request that never ends", () => {
  test("does not take longer than the grace time", async () => {
    const hook = await startHook(configOf({ blog: script("exit 0") }, "deployments: { grace: 200ms }"));
    const socket = connect(Number(new URL(hook.origin).port), "127.0.0.1");
    socket.on("error", () => {});
    const path = `/hooks/blog/${secretOf("blog")}`;
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{`,
    );
    await sleep(100);
    const startedMs = Date.now();
    await hook.stop();
    assert.ok(Date.now() - startedMs < 20_000);
    socket.destroy();
  });
});

describe("starting", () => {
  /** A store as a process leaves it that was killed while it deployed, `attempts` times. */
  async function leaveInterrupted(folder: string, service: string, attempts: number): Promise<void> {
    const store = openStore(join(folder, "hook.db"));
    await store.accept(takeAll, [newDeployment(service, "v1")]);
    for (let attempt = 1; attempt <= attempts; attempt++) {
      if (attempt > 1) await store.handOver(1, "deploying", "test");
      await store.claimNext({ outsideWindow: [], nowMs: attempt });
    }
    store.close();
  }

  test("takes up what was being deployed when the process died", async () => {
    const folder = newFolder();
    await leaveInterrupted(folder, "blog", 1);
    const hook = await startHook(configOf({ blog: script("exit 0") }), { folder });
    const ended = await hook.untilEnded(1);
    assert.deepEqual([ended.state, ended.attempt], ["succeeded", 2]);
    assert.match(hook.log(), /taking up a deployment that was interrupted/);
    await hook.stop();
  });

  test("gives a deployment up that has ended the process five times", async () => {
    const folder = newFolder();
    await leaveInterrupted(folder, "blog", 5);
    const hook = await startHook(configOf({ blog: script("exit 0") }), { folder });
    const ended = await hook.untilEnded(1);
    assert.deepEqual(
      [ended.state, ended.reason],
      ["failed", "interrupted 5 times: every attempt ended with the hook itself"],
    );
    await hook.stop();
  });

  test("does not deploy what the config does not have any more", async () => {
    const folder = newFolder();
    await leaveInterrupted(folder, "gone", 1);
    const hook = await startHook(configOf({ blog: script("exit 0") }), { folder });
    const ended = await hook.untilEnded(1);
    assert.deepEqual([ended.state, ended.reason], ["failed", "the service is no longer in the config"]);
    await hook.stop();
  });

  test("does not deploy one image's tag to a service that has another image now", async () => {
    const folder = newFolder();
    await leaveInterrupted(folder, "blog", 1);
    const yaml = configOf({ blog: script("exit 0") }).replace("image: stut/blog", "image: stut/other");
    const hook = await startHook(yaml, { folder });
    const ended = await hook.untilEnded(1);
    assert.match(ended.reason ?? "", /the service's image is stut\/other now/);
    await hook.stop();
  });
});
