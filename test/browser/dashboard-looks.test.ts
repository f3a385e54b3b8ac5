/** Every page of the dashboard at three widths in both themes: kept as pictures, and checked for what can be checked. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { buildDashboard } from "../../build/dashboard.ts";
import { apiOf } from "../support/api.ts";
import { browserMissing, keepScreenshot, openBrowser } from "../support/browser.ts";
import {
  dashboardConfig,
  dashboardTokens,
  fewServices,
  folderWithHistory,
  signInAs,
  visit,
} from "../support/dashboard.ts";
import { script, startHook, type TestHook } from "../support/hook.ts";
import { findAccessibilityProblems, measureOverflow } from "../support/page-check.ts";

/** A phone, a tablet, a wide screen; high enough for axe to see what there is, and for who looks at the pictures. */
const sizes = [
  [390, 1400],
  [820, 1200],
  [1440, 1000],
] as const;
const themes = ["light", "dark"] as const;

/** What README and docs show: copied to docs/hook/dashboard.png when the page has come to look different. */
async function keepPicture(page: Page): Promise<void> {
  await page.setViewportSize({ width: 1100, height: 785 });
  await page.mouse.move(0, 0);
  await keepScreenshot(page, "dashboard");
}

describe("the dashboard", { skip: browserMissing }, () => {
  let browser: Browser;
  let hook: TestHook;
  let sites: Server;
  let folder: string;

  before(async () => {
    sites = createServer(({ url }, response) => void response.writeHead(url === "/shop" ? 502 : 200).end());
    await new Promise<void>((resolve) => sites.listen(0, "127.0.0.1", resolve));
    const { port } = sites.address() as AddressInfo;
    const verify = (name: string) => `verify: { url: "http://127.0.0.1:${port}/${name}" }`;
    const lines = Object.fromEntries(fewServices.map((name) => [name, verify(name)]));
    await buildDashboard();
    folder = folderWithHistory(fewServices, 100);
    const config = dashboardConfig({
      services: fewServices,
      targets: {
        docs: script("for layer in 1 2 3; do echo fetching layer $layer of 3; done; exec sleep 600"),
      },
      lines: { ...lines, press: `${lines["press"]}\n    approval: true` },
    });
    hook = await startHook(config, { folder });
    await hook.push("release-next", { service: "docs", image: "acme/docs" });
    await hook.push("release-next", { service: "press", image: "acme/press" });
    await apiOf(hook, dashboardTokens.admin).post("services/handbook/freeze", {
      until: "30d",
      reason: "the fair",
    });
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await hook?.stop();
    sites?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** At every width; axe where the layout is the one of a phone, and where it is that of a desk. */
  async function look(page: Page, name: string, theme: string): Promise<void> {
    for (const [width, height] of sizes) {
      await page.setViewportSize({ width, height });
      const what = `${name}-${width}-${theme}`;
      assert.equal(await measureOverflow(page), 0, `${what} is wider than the window`);
      if (width !== sizes[1][0]) assert.deepEqual(await findAccessibilityProblems(page), [], what);
      await keepScreenshot(page, `dashboard-${what}`, true);
    }
  }

  for (const theme of themes) {
    test(`${theme}, at three widths: every page fits, axe finds nothing, and nothing breaks its policy`, async () => {
      const { page, context, complaints } = await visit(browser, hook.origin, { theme, token: "" });
      await page.getByLabel("API token").waitFor();
      await look(page, "sign-in", theme);
      await signInAs(page, dashboardTokens.admin);
      await page.getByRole("img", { name: "unhealthy" }).first().waitFor();
      await page.getByText("median").waitFor();
      await look(page, "overview", theme);
      if (theme === "light") await keepPicture(page);
      await page.getByRole("link", { name: "docs", exact: true }).click();
      await page.getByText("fetching layer 3 of 3").waitFor();
      await page.getByText("Config, as it was loaded").click();
      await page.getByText("image: acme/docs").waitFor();
      await look(page, "service", theme);
      await page.getByRole("button", { name: "Deploy a tag…" }).click();
      await page.getByRole("dialog").waitFor();
      await look(page, "dialog", theme);
      await page.keyboard.press("Escape");
      await page.goto(`${hook.origin}/dashboard/#/deployments/90`);
      await page.getByText("Log complete").waitFor();
      await look(page, "deployment", theme);
      assert.deepEqual(complaints, []);
      await context.close();
    });
  }

  test("a theme that was chosen stays, whatever the system has", async () => {
    const { page, context } = await visit(browser, hook.origin, { theme: "light" });
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await background();
    await page.getByRole("button", { name: "Theme: Auto; change to Light" }).click();
    await page.getByRole("button", { name: "Theme: Light; change to Dark" }).click();
    assert.notEqual(await background(), light);
    await page.reload();
    await page.getByRole("button", { name: "Theme: Dark; change to Auto" }).waitFor();
    assert.notEqual(await background(), light);
    await context.close();
  });
});
