import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { type Api, apiOf, type Json } from "../../support/api.ts";
import { configOf, script, startHook, type TestHook, until } from "../../support/hook.ts";

const gated = script("echo one; echo two; until [ -e go ]; do sleep 0.01; done; echo three");

let hook: TestHook;
let api: Api;
beforeEach(async () => {
  hook = await startHook(configOf({ blog: gated }, "deployments: { grace: 0s }"));
  api = apiOf(hook);
  await hook.push("v1");
});
afterEach(() => hook.stop());

const open = () => writeFileSync(join(hook.folder, "go"), "");
const linesOf = ({ lines }: Json) => (lines as Json[]).map(({ line }) => line);
const begun = ["deploying stut/blog:v1 with command", "one", "two"];

test("a log is what was written so far, and can be asked for from a line on", async () => {
  await until("both lines are there", () => hook.logOf(1).includes("two"));
  const log = await api.json("deployments/1/log");
  assert.deepEqual(linesOf(log), begun);
  assert.equal((log["deployment"] as Json)["state"], "deploying");
  const [first] = log["lines"] as Json[];
  assert.deepEqual(Object.keys(first ?? {}).sort(), ["at", "line", "sequence"]);
  assert.deepEqual(linesOf(await api.json(`deployments/1/log?after=${first?.["sequence"]}`)), begun.slice(1));
  for (const query of ["after=-1", "after=x", "before=1"])
    assert.equal((await api.get(`deployments/1/log?${query}`)).status, 400);
});

test("as a stream it follows the deployment, line by line and state by state, to its end", async () => {
  const stream = await api.stream("deployments/1/log");
  assert.equal(stream.response.headers.get("content-type"), "text/event-stream");
  const seen: string[] = [];
  for (;;) {
    const event = await stream.next();
    if (event === undefined) break;
    const { state, line } = event.data;
    seen.push(`${event.event} ${line ?? state}`);
    if (line === "two") open();
  }
  assert.match(seen[0] ?? "", /^state (?:waiting|deploying)$/);
  assert.ok(seen.includes("state deploying"));
  assert.deepEqual(
    seen.filter((one) => one.startsWith("line")),
    [...begun, "three", "/bin/sh ended with status 0"].map((line) => `line ${line}`),
  );
  assert.equal(seen.at(-1), "end succeeded");
  assert.ok(seen.includes("state succeeded"));
});

test("a stream goes on behind Last-Event-ID, and ends at once where nothing comes any more", async () => {
  open();
  await hook.untilEnded(1);
  const stream = await api.stream("deployments/1/log", 2);
  const events = [
    await stream.next(),
    await stream.next(),
    await stream.next(),
    await stream.next(),
    await stream.next(),
  ];
  assert.deepEqual(
    events.map((event) => event?.event),
    ["state", "line", "line", "line", "end"],
  );
  assert.deepEqual([events[1]?.id, events[1]?.data["line"]], ["3", "two"]);
  assert.equal(await stream.next(), undefined);
});

test("a stream that was behind says that lines were cut out of the log meanwhile", async () => {
  open();
  await hook.untilEnded(1);
  const { length } = hook.store.readLog(1);
  const lines = ["a", "b", "c", "d"].map((line) => ({ atMs: 1, line }));
  await hook.store.appendLog(1, lines);
  const notice = { atMs: 1, line: "cut" };
  await hook.store.appendLog(1, [{ atMs: 1, line: "e" }], { at: length + 1, notice, keep: 1 });
  const whole = await api.json("deployments/1/log");
  assert.deepEqual(linesOf(whole).slice(length), ["cut", "e"]);
  const stream = await api.stream("deployments/1/log", length + 2);
  const events = [await stream.next(), await stream.next(), await stream.next(), await stream.next()];
  assert.deepEqual(
    events.map((event) => event?.data["line"] ?? event?.event),
    ["state", "… 2 lines are left out here", "e", "end"],
  );
  assert.deepEqual(
    events.slice(1, 3).map((event) => event?.id),
    [String(length + 4), String(length + 5)],
  );
});

test("a stopping hook ends its streams instead of waiting for their readers", async () => {
  const stream = await api.stream("deployments/1/log");
  assert.equal((await stream.next())?.event, "state");
  const begunMs = performance.now();
  await hook.stop();
  assert.ok(performance.now() - begunMs < 20_000);
  let last: string | undefined;
  for (let event = await stream.next(); event !== undefined; event = await stream.next()) last = event.event;
  assert.notEqual(last, "end");
  await hook.stop();
});
