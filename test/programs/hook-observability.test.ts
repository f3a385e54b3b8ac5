import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { configOf, script, startHook, type TestHook, until } from "../support/hook.ts";
import { startReceiver } from "../support/notify.ts";
import { alertQueries, alertRules, alertRulesTests, dashboardQueries } from "../support/observability.ts";
import { type Prometheus, prometheusMissing, startPrometheus } from "../support/prometheus.ts";

const execute = promisify(execFile);

describe("the alert rules", { skip: prometheusMissing }, () => {
  test("are good by promtool", async () => {
    const { stdout } = await execute("promtool", ["check", "rules", alertRules]);
    assert.match(stdout, /SUCCESS: \d+ rules found/);
  });

  test("fire when they should, and only then", async () => {
    const { stdout } = await execute("promtool", ["test", "rules", ...alertRulesTests]);
    assert.equal(stdout.match(/SUCCESS/g)?.length, alertRulesTests.length);
  });
});

describe("a real Prometheus", { skip: prometheusMissing }, () => {
  let hook: TestHook;
  let prometheus: Prometheus;
  before(async () => {
    const receiver = await startReceiver();
    await receiver.stop();
    const target = script('case "$STATIGO_TAG" in bad*) exit 1;; esac');
    const notifiers = `notifiers: { ops: { slack: { url: "${receiver.origin}/" } } }`;
    const services = configOf({ blog: target, shop: target, late: target }, notifiers);
    hook = await startHook(`${services}    approval: true\n`);
    prometheus = await startPrometheus({
      target: hook.origin.replace("http://", ""),
      job: "statigo-hook",
      ruleFile: alertRules,
    });
    await until("the hook is scraped", async () => (await prometheus.query("up == 1")).length === 1);
    // After the first scrape, so that counters are seen to rise.
    for (const tag of ["v1", "bad2"]) await hook.push(tag);
    for (const service of ["shop", "late"]) await hook.push("v1", { service, image: `stut/${service}` });
    await hook.push("latest");
    await fetch(`${hook.origin}/hooks/nobody/wrong`, { method: "POST" });
    await hook.operations.pause("shop", "a test", "ops");
    await until(
      "the failure is scraped",
      async () =>
        (await prometheus.query('statigo_hook_deployments_total{outcome="failed"} == 1')).length === 1,
    );
    await until(
      "rates can be told",
      async () =>
        (
          await prometheus.query(
            'count_over_time(statigo_hook_deployments_total{service="blog", outcome="failed"}[1m]) > 4',
          )
        ).length === 1,
    );
  });
  after(async () => {
    await prometheus.stop();
    await hook.stop();
  });

  /** What nothing has happened for. */
  const mayBeEmpty = new Set(["Tries put back"]);

  for (const { name, expression } of dashboardQueries()) {
    test(`shows something for ${name}: ${expression.slice(0, 70)}`, async () => {
      const samples = await prometheus.query(expression);
      assert.ok(samples.length > 0 || mayBeEmpty.has(name));
    });
  }

  for (const { name, expression } of alertQueries())
    test(`understands ${name}`, async () => void (await prometheus.query(expression)));

  test("sees that the last deployment of a service failed, and that another waits for approval", async () => {
    const [failing, ...more] = await prometheus.query('ALERTS{alertname="StatigoDeploymentFailing"}');
    assert.deepEqual([failing?.metric["service"], more.length], ["blog", 0]);
    const [waiting] = await prometheus.query('statigo_hook_deployments_waiting{reason="approval"} == 1');
    assert.equal(waiting?.metric["service"], "late");
  });

  test("keeps the number of series small", async () => {
    const [series] = await prometheus.query('count({__name__=~"statigo_hook_.+", instance!=""})');
    // Three services and one notifier: 50 for each service, and a few of the hook itself.
    assert.ok(Number(series?.value[1]) < 250, series?.value[1]);
  });
});
