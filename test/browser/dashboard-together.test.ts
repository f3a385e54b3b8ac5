/** Two people have the dashboard open: what one does, the other sees, without a reload and without a reconnect. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import { buildDashboard } from "../../build/dashboard.ts";
import { browserMissing, openBrowser } from "../support/browser.ts";
import { dashboardConfig, dashboardTokens, type Visit, visit } from "../support/dashboard.ts";
import { readConfig, startHook, type TestHook } from "../support/hook.ts";

const config = (...services: string[]) => dashboardConfig({ services, lines: { docs: "approval: true" } });

describe("two windows of the dashboard", { skip: browserMissing }, () => {
  let browser: Browser;
  let hook: TestHook;
  let anna: Visit;
  let reader: Visit;
  /** How often the reader's window has asked for the events: once, as long as nothing broke off. */
  let streams = 0;

  before(async () => {
    await buildDashboard();
    // A look at the store would come too late for this test: what is shown was told.
    hook = await startHook(config("blog", "docs"), { eventStreams: { pollMs: 600_000 } });
    browser = await openBrowser();
    anna = await visit(browser, hook.origin);
    reader = await visit(browser, hook.origin, { token: "" });
    reader.page.on("request", (request) => {
      if (new URL(request.url()).pathname === "/api/events") streams += 1;
    });
    await reader.page.getByLabel("API token").fill(dashboardTokens.read);
    await reader.page.getByRole("button", { name: "Sign in" }).click();
    await reader.page.getByRole("list", { name: "What the marks mean" }).waitFor();
    await reader.page.getByText("live", { exact: true }).waitFor();
  });
  after(async () => {
    assert.deepEqual([...(anna?.complaints ?? []), ...(reader?.complaints ?? [])], []);
    await browser?.close();
    await hook?.stop();
  });

  async function act(button: string, confirm: string): Promise<void> {
    await anna.page.getByRole("button", { name: button, exact: true }).first().click();
    await anna.page.getByRole("dialog").getByRole("button", { name: confirm, exact: true }).click();
    await anna.page.getByRole("dialog").waitFor({ state: "detached" });
  }
  const go = async ({ page }: Visit, place: string) => {
    await page.goto(`${hook.origin}/dashboard/#/${place}`);
  };

  test("a pause is in the other's list, and on the service's page when it ends", async () => {
    await go(anna, "services/blog");
    const row = reader.page.locator(".site").filter({ hasText: "blog" });
    await act("Pause…", "Pause blog");
    await row.getByText("paused", { exact: true }).waitFor();
    await row.getByRole("link").click();
    await reader.page.getByText("Paused by anna").waitFor();
    await act("Resume…", "Resume blog");
    await reader.page.getByText("Paused by anna").waitFor({ state: "detached" });
  });

  test("so are a freeze and its end", async () => {
    await act("Freeze…", "Freeze blog");
    await reader.page.getByText("Frozen by anna until").waitFor();
    await act("End the freeze…", "End the freeze");
    await reader.page.getByText("Frozen by anna until").waitFor({ state: "detached" });
  });

  test("what waits for approval is approved in one and live in both", async () => {
    for (const one of [anna, reader]) await go(one, "services/docs");
    await hook.push("v1", { service: "docs", image: "acme/docs" });
    await reader.page.locator(".newest").getByText("waits for approval").waitFor();
    await act("Approve v1…", "Approve v1");
    for (const { page } of [anna, reader]) await page.getByText("live now").waitFor();
  });

  test("a config that was loaded anew shows: what a service takes, one more service, and what one may", async () => {
    await reader.page.locator(".set-up").getByText("whose tag matches").waitFor();
    await anna.page.getByText("Config, as it was loaded").click();
    await anna.page.getByText("image: acme/docs").waitFor();
    assert.equal(await reader.page.getByRole("button", { name: "Deploy a tag…" }).count(), 0);
    const next = config("blog", "docs", "shop")
      .replace("approval: true", "tags: '^edition-'")
      .replace("scopes: [read]", "scopes: [deploy]");
    hook.reload(readConfig(next, hook.folder));
    await reader.page.locator(".set-up").getByText("^edition-").waitFor();
    await anna.page.locator("pre").getByText("^edition-").waitFor();
    await reader.page.getByRole("button", { name: "Deploy a tag…" }).waitFor();
    await reader.page.getByRole("link", { name: "Services" }).click();
    await reader.page.getByRole("link", { name: "shop", exact: true }).waitFor();
    assert.equal(streams, 1);
  });

  test("who is no longer in the config is signed out", async () => {
    hook.reload(
      readConfig(config("blog").replace(dashboardTokens.read, "another-token-0123456789"), hook.folder),
    );
    await reader.page.getByLabel("API token").waitFor();
    await go(anna, "");
    await anna.page.getByRole("link", { name: "docs", exact: true }).waitFor({ state: "detached" });
  });

  test("a notification's link leads to the deployment, past the sign-in", async () => {
    const { page, context } = await visit(browser, hook.origin, { token: "" });
    await page.goto(`${hook.origin}/dashboard/#/deployments/1`);
    await page.getByLabel("API token").fill(dashboardTokens.admin);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "v1 of docs" }).waitFor();
    await context.close();
  });
});
