/**
 * npm run bench:dashboard -- [--write]
 * The dashboard with 200 services and 10,000 deployments, in Chromium: how long from a key or a click to the next paint.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Page } from "playwright-core";
import { buildDashboard } from "../build/dashboard.ts";
import { openBrowser } from "../test/support/browser.ts";
import { dashboardConfig, folderWithHistory, visit } from "../test/support/dashboard.ts";
import { startHookProcess } from "../test/support/hook-process.ts";
import { median } from "./figures.ts";
import { type Figure, renderHookTable } from "./hook/report.ts";
import { describeMachine } from "./machine.ts";

const { values } = parseArgs({ options: { write: { type: "boolean", default: false } } });
const services = Array.from({ length: 200 }, (_, index) => `service-${String(index).padStart(3, "0")}`);
const deployments = 10_000;
const turns = 5;
const barMs = 100;

/** A text in the search field, or a click. */
type Act = { text: string } | { selector: string };

/** From what `act` does to the end of the frame in which the page shows it. */
async function measure(page: Page, act: Act, shown: string): Promise<number> {
  return page.evaluate(
    async ({ act, shown }) => {
      const frame = () => new Promise(requestAnimationFrame);
      const pause = (pauseMs: number) => new Promise((resolve) => setTimeout(resolve, pauseMs));
      await pause(150);
      const startMs = performance.now();
      if ("selector" in act) document.querySelector<HTMLElement>(act.selector)?.click();
      else {
        const field = document.querySelector<HTMLInputElement>("[type=search]");
        if (field !== null) field.value = act.text;
        field?.dispatchEvent(new InputEvent("input", { bubbles: true }));
      }
      while (document.querySelector(shown) === null) await frame();
      await frame();
      // After the frame that shows it was painted.
      await pause(0);
      return performance.now() - startMs;
    },
    { act, shown },
  );
}

const type = (text: string): Act => ({ text });
const click = (selector: string): Act => ({ selector });

/** Each leads to the next. */
const interactions: readonly [name: string, act: Act, shown: string][] = [
  ["search, first letter: 200 rows stay", type("s"), ".site:nth-child(200):not([hidden])"],
  ["search, two words: 1 row is left", type("acme service-150"), ".site[hidden]:nth-child(200)"],
  ["search emptied: 200 rows come back", type(""), ".site:nth-child(200):not([hidden])"],
  ["filter that leaves none", click(".filters button:last-child"), ".empty"],
  ["filter taken away: 200 rows come back", click(".filters button"), ".site:nth-child(200):not([hidden])"],
  ["open a service: its page", click(".site:nth-child(151) a"), ".facts"],
  ["its dialog to deploy", click(".buttons .primary"), "dialog[open]"],
  ["the dialog closed", click("dialog [type=button]"), "body:not(:has(dialog))"],
  ["back to the list of 200: as many as the window has", click(".wordmark"), ".site:nth-child(20)"],
];

async function run(page: Page): Promise<Figure[]> {
  const samples = new Map<string, number[]>();
  for (let turn = 0; turn <= turns; turn += 1) {
    for (const [name, act, shown] of interactions) {
      if (name.startsWith("its dialog")) await page.locator(".buttons .primary").waitFor();
      const tookMs = await measure(page, act, shown);
      // The first turn meets code that was not compiled yet.
      if (turn > 0) samples.set(name, [...(samples.get(name) ?? []), tookMs]);
    }
  }
  return [...samples].flatMap(([name, tookMs]) => [
    { name, value: median(tookMs), unit: "ms", digits: 0, atMost: barMs },
    { name: `${name}, the longest of ${turns}`, value: Math.max(...tookMs), unit: "ms", digits: 0 },
  ]);
}

async function bench(): Promise<void> {
  await buildDashboard();
  const folder = folderWithHistory(services, deployments);
  const hook = await startHookProcess(folder, dashboardConfig({ services }));
  const browser = await openBrowser();
  try {
    const startMs = performance.now();
    const { page } = await visit(browser, hook.origin());
    const signInMs = performance.now() - startMs;
    const elements = await page.evaluate(() => document.querySelectorAll("*").length);
    const figures = [
      ...(await run(page)),
      { name: "elements on the page of 200 services", value: elements, unit: "", digits: 0 },
      { name: "a new browser: load, sign in, 200 services shown", value: signInMs, unit: "ms", digits: 0 },
    ];
    const table = renderHookTable(figures);
    process.stdout.write(table);
    if (values.write) writeFileSync(join(import.meta.dirname, "dashboard.md"), report(table));
  } finally {
    await browser.close();
    hook.child.kill("SIGTERM");
    await hook.ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

function report(table: string): string {
  return `# The dashboard, measured

Written by \`npm run bench:dashboard -- --write\` on ${new Date().toISOString().slice(0, 10)}.

- Machine: ${describeMachine()}; Node ${process.version}, Debian's Chromium without a window
- ${services.length} services, ${deployments.toLocaleString("en")} deployments, all of the list shown; hook, browser and bench share the machine.
- Other work on the machine is kept out: \`chrt -r 20 npm run bench:dashboard -- --write\`.
- From a key or a click until the frame that shows what it did is painted. Medians of ${turns}; a first turn does not count.

${table}`;
}

await bench();
