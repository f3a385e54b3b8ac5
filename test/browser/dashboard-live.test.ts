/** The dashboard while the hook starts again, and with two hundred services. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import { buildDashboard } from "../../build/dashboard.ts";
import { browserMissing, openBrowser } from "../support/browser.ts";
import { dashboardConfig, folderWithHistory, visit } from "../support/dashboard.ts";
import { freePorts } from "../support/free-port.ts";
import { script, startHook, temporaryFolder } from "../support/hook.ts";
import { startHookProcess } from "../support/hook-process.ts";

/** Of everything that the first page loads, as it is sent. */
const maximumScriptBytes = 50_000;

before(() => buildDashboard());

test("all the script of the dashboard is below 50 kB, compressed as the least of browsers take it", () => {
  const folder = resolve(import.meta.dirname, "../../dist/dashboard");
  const scripts = readdirSync(folder).filter((name) => name.endsWith(".js.gz"));
  assert.equal(scripts.length, 2);
  const bytes = scripts.reduce((sum, name) => sum + readFileSync(join(folder, name)).length, 0);
  assert.ok(bytes < maximumScriptBytes, `${bytes} bytes`);
});

describe("the dashboard", { skip: browserMissing }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser?.close());

  test("follows a deployment over a kill and a start of the hook: its log goes on where it was, each line once", async () => {
    const folder = temporaryFolder();
    const [port = 0] = await freePorts(1);
    const slow = script("echo begun; while ! test -e go; do sleep 0.05; done; echo done");
    const config = dashboardConfig({ services: ["blog"], targets: { blog: slow }, port });
    const first = await startHookProcess(folder, config);
    const { page, complaints, context } = await visit(browser, first.origin());
    await page.getByRole("link", { name: "blog", exact: true }).click();
    await page.getByRole("button", { name: "Deploy a tag…" }).click();
    await page.getByRole("dialog").getByLabel("Tag").fill("v2");
    await page.getByRole("dialog").getByRole("button", { name: "Deploy it" }).click();
    const log = page.getByRole("log");
    await log.getByText("begun").waitFor();
    first.child.kill("SIGKILL");
    await page.getByText("reconnecting…").waitFor();
    const second = await startHookProcess(folder, config);
    try {
      await page.getByText("live", { exact: true }).first().waitFor();
      await log.getByText("(attempt 2)").waitFor();
      const lines = await log.locator("div span").allTextContents();
      assert.equal(
        lines.filter((line) => line === "deploying acme/blog:v2 with command").length,
        1,
        lines.join("\n"),
      );
      await page.getByRole("button", { name: "Pause…" }).waitFor();
      // Signed in as before: what was done is done under the same name.
      await page.getByRole("button", { name: "Cancel…" }).first().click();
      await page.getByRole("button", { name: "Cancel the deployment" }).click();
      await page.getByText("cancelled by anna").first().waitFor();
      assert.deepEqual(complaints, []);
      await context.close();
    } finally {
      second.child.kill("SIGTERM");
      await second.ended;
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("of 200 services with 10,000 deployments stays small: few elements, few requests, one row changed for one event", async () => {
    const services = Array.from({ length: 200 }, (_, index) => `service-${String(index).padStart(3, "0")}`);
    const folder = folderWithHistory(services, 10_000);
    const hook = await startHook(dashboardConfig({ services }), { folder });
    try {
      const { page, complaints, context } = await visit(browser, hook.origin);
      await page.getByText("200 services", { exact: true }).waitFor();
      await page.locator(".site:nth-child(200)").waitFor({ state: "attached" });
      const elements = await page.evaluate(() => document.querySelectorAll("*").length);
      assert.ok(elements < 200 * 30, `${elements} elements`);
      await page.getByRole("searchbox").fill("service-19");
      await page.getByText("10 of 200 services").waitFor();
      assert.equal(await page.locator(".site:not([hidden])").count(), 10);
      await page.getByRole("searchbox").fill("");
      const asked: string[] = [];
      page.on("request", (request) => asked.push(new URL(request.url()).pathname));
      await hook.push("v9", { service: "service-150", image: "acme/service-150" });
      await page.locator(".site").filter({ hasText: "v9" }).getByText("live just now").waitFor();
      const named = asked.filter((path) => path.startsWith("/api/services"));
      assert.ok(
        named.every((path) => path === "/api/services/service-150"),
        named.join(),
      );
      await page.getByRole("link", { name: "service-150" }).click();
      await page.getByText("live now").waitFor();
      const entries = await page.locator(".timeline li").count();
      assert.equal(entries, 25);
      assert.deepEqual(complaints, []);
      await context.close();
    } finally {
      await hook.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
