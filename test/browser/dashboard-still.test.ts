/** Nothing jumps: what is being read or aimed at stays where it is, whatever arrives meanwhile. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import { buildDashboard } from "../../build/dashboard.ts";
import { browserMissing, openBrowser } from "../support/browser.ts";
import { dashboardConfig, fewServices, folderWithHistory, visit } from "../support/dashboard.ts";
import { script, startHook, type TestHook } from "../support/hook.ts";
import { type LayoutShift, watchLayoutShifts } from "../support/page-check.ts";

/** In all of a visit; 0.1 is what is called good of a page's loading alone. */
const maximumShift = 0.02;

const sizes = [
  [390, 844],
  [1280, 900],
] as const;

describe("in the dashboard", { skip: browserMissing }, () => {
  let browser: Browser;
  let hook: TestHook;
  let folder: string;

  before(async () => {
    await buildDashboard();
    folder = folderWithHistory(fewServices, 100);
    const talkative = script("for line in $(seq 60); do echo line $line; sleep 0.01; done");
    hook = await startHook(
      dashboardConfig({
        services: fewServices,
        targets: { blog: talkative, shop: script("exit 1") },
        lines: { press: "approval: true" },
      }),
      { folder },
    );
    // With a release to go back to, as usual: the button for that is there from the beginning.
    for (const tag of ["v1", "v2"]) {
      const answer = (await (await push("blog", tag)).json()) as { deployments: { id: number }[] };
      await hook.untilEnded(answer.deployments[0]?.id ?? 0);
    }
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await hook?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const push = (service: string, tag: string) => hook.push(tag, { service, image: `acme/${service}` });

  for (const [index, [width, height]] of sizes.entries())
    test(`nothing moves by itself in a window of ${width} pixels`, async () => {
      const { page, context } = await visit(browser, hook.origin, { width, height });
      // Without the input of the sign-in, which would excuse what follows it.
      await page.reload();
      const shifts = await watchLayoutShifts(page);
      await page.getByText("median").waitFor();
      await sleep(1500);
      const tag = (name: string) => `${name}${index}`;
      await push("shop", tag("bad"));
      await page.getByRole("link", { name: "shop" }).first().waitFor();
      await push("press", tag("held"));
      await push("docs", tag("good"));
      await hook.operations.pause("landing", null, "anna");
      await page
        .locator(".site")
        .filter({ hasText: tag("good") })
        .getByText("live just now")
        .waitFor();
      await page.locator(".site").filter({ hasText: "landing" }).getByText("paused").waitFor();
      await hook.operations.resume("landing", "anna");
      await sleep(500);
      assertStill(await shifts(), "the list");
      await open(page, "services/blog");
      await page.locator(".timeline li").first().waitFor();
      await sleep(500);
      assertStill(await shifts(), "a service's page is opened");
      await push("blog", tag("good"));
      await page.getByRole("log").getByText("line 60", { exact: true }).waitFor();
      await page.locator(".facts").getByText(tag("good"), { exact: true }).waitFor();
      await sleep(500);
      assertStill(await shifts(), "a deployment and its log");
      await context.close();
    });
});

/** As a link would, and without a click, which would excuse what follows it. */
async function open(page: Page, place: string): Promise<void> {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, `#/${place}`);
}

function assertStill(shifts: readonly LayoutShift[], when: string): void {
  const sum = shifts.reduce((all, { value }) => all + value, 0);
  const said = shifts.map(({ value, moved }) => `${value.toFixed(4)}: ${moved.join("; ")}`);
  assert.ok(sum < maximumShift, [`${when}: ${sum.toFixed(4)}`, ...said].join("\n"));
}
