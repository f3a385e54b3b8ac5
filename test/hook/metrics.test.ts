import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { phaseSeconds } from "../../hook/metrics/deployment-metrics.ts";
import type { State, Transition } from "../../hook/store/deployment.ts";
import {
  adminToken,
  configOf,
  readConfig,
  script,
  startHook,
  type TestHook,
  temporaryFolder,
  until,
} from "../support/hook.ts";

const target = script('case "$STATIGO_TAG" in bad*) exit 1;; esac');
const config = configOf({ blog: target, shop: target });

async function metricsOf({ origin }: TestHook): Promise<string> {
  return (await fetch(`${origin}/metrics`)).text();
}

/** The value of one series, `undefined` when it is not there. */
function readValue(text: string, series: string): number | undefined {
  const line = text.split("\n").find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

describe("metrics", () => {
  const folder = temporaryFolder();
  let hook: TestHook;
  before(async () => {
    hook = await startHook(config, { folder });
  });
  after(async () => {
    await hook.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function deploy(tag: string): Promise<void> {
    const answer = (await (await hook.push(tag)).json()) as { deployments: { id: number }[] };
    await hook.untilEnded(answer.deployments[0]?.id ?? 0);
  }

  test("begin at 0 for all that can happen, so that the first time is seen as a rise", async () => {
    const text = await metricsOf(hook);
    for (const outcome of ["succeeded", "failed", "rolled-back", "superseded", "cancelled"])
      assert.equal(
        readValue(
          text,
          `statigo_hook_deployments_total{service="blog",target="command",outcome="${outcome}"}`,
        ),
        0,
      );
    assert.equal(
      readValue(text, 'statigo_hook_deployment_retries_total{service="shop",target="command"}'),
      0,
    );
    assert.equal(readValue(text, 'statigo_hook_refused_total{reason="rate_limited"}'), 0);
    assert.equal(readValue(text, "statigo_hook_store_errors_total"), 0);
    assert.equal(readValue(text, 'statigo_hook_last_success_timestamp_seconds{service="blog"}'), 0);
    assert.doesNotMatch(text, /^statigo_hook_release_info\{/m);
  });

  test("count outcomes and measure phases", async () => {
    const startedSeconds = Date.now() / 1000;
    await deploy("v1");
    await deploy("bad2");
    const text = await metricsOf(hook);
    for (const outcome of ["succeeded", "failed"])
      assert.equal(
        readValue(
          text,
          `statigo_hook_deployments_total{service="blog",target="command",outcome="${outcome}"}`,
        ),
        1,
      );
    assert.equal(
      readValue(text, 'statigo_hook_deployment_duration_seconds_count{service="blog",target="command"}'),
      2,
    );
    for (const phase of ["waiting", "deploying"])
      assert.equal(
        readValue(
          text,
          `statigo_hook_deployment_phase_duration_seconds_count{service="blog",phase="${phase}"}`,
        ),
        2,
      );
    assert.equal(readValue(text, 'statigo_hook_release_info{service="blog",tag="v1"}'), 1);
    const lastSuccess = readValue(text, 'statigo_hook_last_success_timestamp_seconds{service="blog"}') ?? 0;
    const lastFailure = readValue(text, 'statigo_hook_last_failure_timestamp_seconds{service="blog"}') ?? 0;
    assert.ok(startedSeconds <= lastSuccess && lastSuccess < lastFailure && lastFailure <= Date.now() / 1000);
  });

  test("show the queue: what waits, for what, and since when", async () => {
    await hook.operations.pause("blog", "looking", "root");
    await hook.push("v3");
    await until("it waits", () => hook.store.listWaiting()[0]?.waitingFor === "pause");
    const text = await metricsOf(hook);
    assert.equal(readValue(text, 'statigo_hook_deployments_waiting{service="blog",reason="pause"}'), 1);
    assert.equal(readValue(text, 'statigo_hook_deployments_waiting{service="blog",reason="turn"}'), 0);
    assert.equal(readValue(text, 'statigo_hook_deployments_open{service="blog",state="waiting"}'), 1);
    const since =
      readValue(text, 'statigo_hook_oldest_waiting_timestamp_seconds{service="blog",reason="pause"}') ?? 0;
    assert.ok(Math.abs(since - Date.now() / 1000) < 60);
    assert.equal(readValue(text, 'statigo_hook_service_held{service="blog",kind="paused"}'), 1);
    assert.equal(readValue(text, 'statigo_hook_service_held{service="blog",kind="frozen"}'), 0);
    await hook.operations.resume("blog", "root");
    await hook.untilEnded(3);
    assert.doesNotMatch(await metricsOf(hook), /^statigo_hook_oldest_waiting_timestamp_seconds\{/m);
  });

  test("count what people do, as the log and the audit say it", async () => {
    const headers = { authorization: `Bearer ${adminToken}`, "content-type": "application/json" };
    const body = JSON.stringify({ until: "1h", reason: "release party" });
    const answer = await fetch(`${hook.origin}/api/services/shop/freeze`, { method: "POST", headers, body });
    assert.equal(answer.status, 200);
    assert.equal(
      readValue(await metricsOf(hook), 'statigo_hook_operations_total{action="freeze",actor="root"}'),
      1,
    );
    const [entry] = hook.store.listAudit({ limit: 1 });
    const line = hook
      .log()
      .split("\n")
      .filter((one) => one.includes("done by a person"))
      .at(-1);
    const { actor, action, service, deployment, detail } = JSON.parse(line ?? "");
    assert.deepEqual(
      { actor, action, service, deployment, detail },
      { actor: "root", action: "freeze", service: "shop", deployment: null, detail: entry?.detail },
    );
    assert.match(detail, /^until .*: release party$/);
  });

  test("do not count what could not be done", async () => {
    await assert.rejects(hook.operations.approve(1, "root"));
    assert.equal(
      readValue(await metricsOf(hook), 'statigo_hook_operations_total{action="approve",actor="root"}'),
      undefined,
    );
  });

  test("say when the config in the file was not taken, and follow one that was", async () => {
    hook.keepConfig();
    assert.equal(readValue(await metricsOf(hook), "statigo_hook_config_last_reload_successful"), 0);
    hook.reload(readConfig(configOf({ blog: target, fresh: target }), folder));
    const text = await metricsOf(hook);
    assert.equal(readValue(text, "statigo_hook_config_last_reload_successful"), 1);
    assert.equal(readValue(text, 'statigo_hook_last_success_timestamp_seconds{service="fresh"}'), 0);
    assert.equal(readValue(text, 'statigo_hook_last_success_timestamp_seconds{service="shop"}'), undefined);
  });

  test("know after a restart when a service was last deployed, and with what", async () => {
    await hook.stop();
    hook = await startHook(config, { folder });
    const text = await metricsOf(hook);
    assert.equal(readValue(text, 'statigo_hook_release_info{service="blog",tag="v3"}'), 1);
    assert.ok((readValue(text, 'statigo_hook_last_success_timestamp_seconds{service="blog"}') ?? 0) > 0);
    assert.ok((readValue(text, 'statigo_hook_last_failure_timestamp_seconds{service="blog"}') ?? 0) > 0);
    assert.equal(
      readValue(text, 'statigo_hook_deployments_total{service="blog",target="command",outcome="failed"}'),
      0,
    );
  });
});

describe("the time of each phase", () => {
  function transitions(...steps: [state: State, atMs: number][]): Transition[] {
    return steps.map(([state, atMs], id) => ({
      id,
      deployment: 1,
      service: "a",
      atMs,
      state,
      reason: null,
      actor: "hook",
    }));
  }

  test("is until the next step, and of a state that was entered again all of it", () => {
    const steps = transitions(
      ["accepted", 0],
      ["waiting", 0],
      ["deploying", 1000],
      ["waiting", 3000],
      ["deploying", 10_000],
      ["verifying", 15_000],
      ["rolling-back", 20_000],
      ["rolled-back", 21_000],
    );
    assert.deepEqual(Object.fromEntries(phaseSeconds(steps)), {
      waiting: 8,
      deploying: 7,
      verifying: 5,
      "rolling-back": 1,
    });
  });

  test("is never less than nothing, whatever the clock did", () => {
    const steps = transitions(["waiting", 9000], ["deploying", 1000], ["succeeded", 500]);
    assert.deepEqual(Object.fromEntries(phaseSeconds(steps)), { waiting: 0, deploying: 0 });
  });
});
