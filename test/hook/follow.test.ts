import assert from "node:assert/strict";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, test } from "node:test";
import { createClient, UnreachableError } from "../../cli/api/client.ts";
import { followDeployment, followTimes } from "../../cli/api/follow.ts";
import type { Deployment } from "../../cli/api/objects.ts";
import { CommandError } from "../../cli/exit-status.ts";
import { adminToken, configOf, script, startHook, type TestHook, until } from "../support/hook.ts";

const steady = script("for i in 1 2 3 4; do echo line $i; sleep 0.1; done");
/** Short only where a test waits for it to be over: this machine may be slow. */
const times = { ...followTimes, pollMs: 20 };

let hook: TestHook;
let proxy: Server | undefined;
beforeEach(async () => {
  hook = await startHook(configOf({ blog: steady }), { eventStreams: { heartbeatMs: 50 } });
  await hook.push("v1");
});
afterEach(async () => {
  proxy?.closeAllConnections();
  proxy?.close();
  await hook.stop();
});

/** Stands between the client and the hook, and does to streams what some proxies do. */
async function startProxy(what: "buffers" | "cuts" | "refuses"): Promise<string> {
  proxy = createServer((incoming, outgoing) => {
    const isStream = incoming.headers.accept === "text/event-stream";
    if (isStream && what === "refuses") return void outgoing.writeHead(502).end("<html>");
    const { method, headers, url } = incoming;
    const onward = request(`${hook.origin}${url}`, { method, headers }, (answer) => {
      if (!isStream || what === "cuts") outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      if (isStream && what === "buffers") return;
      answer.pipe(outgoing);
      if (isStream) setTimeout(() => outgoing.destroy(), 60);
    });
    onward.on("error", () => outgoing.destroy());
    outgoing.on("close", () => onward.destroy());
    incoming.pipe(onward);
  }).listen(0, "127.0.0.1");
  await until("the proxy listens", () => proxy?.listening ?? false);
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}

async function follow(
  origin: string,
  { signal = new AbortController().signal, ...own }: Partial<typeof times> & { signal?: AbortSignal } = {},
) {
  const seen = { states: [] as string[], lines: [] as string[], troubles: [] as string[] };
  const client = createClient({ base: new URL(`${origin}/`), token: adminToken });
  const listener = {
    onState: ({ state }: Deployment) => void seen.states.push(state),
    onLine: ({ line }: { line: string }) => void seen.lines.push(line),
    onTrouble: (problem: string) => void seen.troubles.push(problem),
  };
  return { seen, ended: followDeployment(client, 1, listener, signal, { ...times, ...own }) };
}

const expected = [
  "deploying stut/blog:v1 with command",
  "line 1",
  "line 2",
  "line 3",
  "line 4",
  "/bin/sh ended with status 0",
];

describe("a deployment is followed to its end, each line once", () => {
  test("by the hook's stream", async () => {
    const { seen, ended } = await follow(hook.origin);
    assert.equal((await ended).state, "succeeded");
    assert.deepEqual(seen.lines, expected);
    assert.deepEqual([seen.states.at(-1), seen.troubles], ["succeeded", []]);
  });

  for (const what of ["buffers", "cuts", "refuses"] as const) {
    test(`through a proxy that ${what} streams`, async () => {
      const { seen, ended } = await follow(
        await startProxy(what),
        what === "buffers" ? { openingMs: 150 } : {},
      );
      assert.equal((await ended).state, "succeeded");
      assert.deepEqual(seen.lines, expected);
    });
  }

  test("by asking where the hook takes no more streams", async () => {
    const full = await startHook(configOf({ blog: steady }), { eventStreams: { maximum: 0 } });
    await full.push("v1");
    const { seen, ended } = await follow(full.origin);
    assert.equal((await ended).state, "succeeded");
    assert.deepEqual(seen.lines, expected);
    await full.stop();
  });
});

test("a hook that is gone for long is given up, with status 3", async () => {
  const { seen, ended } = await follow(hook.origin, { patienceMs: 300 });
  await until("it is followed", () => seen.states.length > 0);
  const given = assert.rejects(ended, (error) => error instanceof UnreachableError && error.status === 3);
  await hook.stop();
  await given;
  assert.equal(seen.troubles.length, 1);
});

test("a refusal is not tried again", async () => {
  const client = createClient({ base: new URL(`${hook.origin}/`), token: "another-token-0123456789" });
  const nothing = () => {};
  const listener = { onState: nothing, onLine: nothing, onTrouble: nothing };
  await assert.rejects(
    followDeployment(client, 1, listener, new AbortController().signal, times),
    (error) => error instanceof CommandError && error.status === 4,
  );
});

test("whoever looks away is not told any more", async () => {
  const leaving = new AbortController();
  const { seen, ended } = await follow(hook.origin, { signal: leaving.signal });
  await until("it is followed", () => seen.lines.length > 0);
  leaving.abort(new Error("enough"));
  await assert.rejects(ended, /enough|aborted/);
});
