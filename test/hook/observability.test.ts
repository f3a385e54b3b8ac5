import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { configOf, script, startHook, type TestHook } from "../support/hook.ts";
import { alertQueries, dashboardQueries, metricNames, readDashboard } from "../support/observability.ts";

let hook: TestHook;
let types: ReadonlyMap<string, string>;
before(async () => {
  hook = await startHook(configOf({ blog: script("exit 0") }));
  const text = await (await fetch(`${hook.origin}/metrics`)).text();
  types = new Map(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type = ""]) => [name, type]),
  );
});
after(() => hook.stop());

/** The name under which a metric is announced: a histogram has three series of its own. */
function announced(name: string): string {
  const family = name.replace(/_(?:bucket|sum|count)$/, "");
  return types.get(family) === "histogram" ? family : name;
}

for (const { name, expression } of [...alertQueries(), ...dashboardQueries()]) {
  test(`${name} asks only for metrics that the hook has: ${expression.slice(0, 60)}`, () => {
    for (const metric of metricNames(expression)) assert.ok(types.has(announced(metric)), metric);
  });
}

test("docs/hook/observability.md has every metric of the hook's own, and no other", () => {
  const text = readFileSync(new URL("../../docs/hook/observability.md", import.meta.url), "utf8");
  const documented = [...text.matchAll(/^\| `(statigo_hook_\w+)` \|/gm)].map(([, name]) => name);
  const own = [...types.keys()].filter((name) => name.startsWith("statigo_hook_"));
  assert.deepEqual(documented.sort(), own.sort());
  assert.match(text, new RegExp(`alerts\\.yml\`: ${alertQueries().length} rules`));
});

describe("the dashboard", () => {
  test("shows every metric that the hook has of its own", () => {
    const shown = new Set(
      [...alertQueries(), ...dashboardQueries()]
        .flatMap(({ expression }) => metricNames(expression))
        .map(announced),
    );
    const own = [...types.keys()].filter((name) => name.startsWith("statigo_hook_"));
    // When a config was read is for looking up, not for a panel.
    const missing = own.filter(
      (name) => !shown.has(name) && name !== "statigo_hook_config_last_reload_timestamp_seconds",
    );
    assert.deepEqual(missing, []);
  });

  test("has no panel over another", () => {
    const panels = readDashboard().panels as unknown as {
      title: string;
      gridPos: { x: number; y: number; w: number; h: number };
    }[];
    const taken = new Map<string, string>();
    for (const {
      title,
      gridPos: { x, y, w, h },
    } of panels)
      for (let column = x; column < x + w; column++)
        for (let line = y; line < y + h; line++) {
          const place = `${column},${line}`;
          assert.equal(taken.get(place), undefined, `${title} at ${place}`);
          taken.set(place, title);
        }
    assert.ok([...taken.keys()].every((place) => Number(place.split(",")[0]) < 24));
  });
});
