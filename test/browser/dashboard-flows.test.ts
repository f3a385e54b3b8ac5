/** What people do in the dashboard, each as they do it: by what they read, with the mouse or the keyboard. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { buildDashboard } from "../../build/dashboard.ts";
import { browserMissing, openBrowser } from "../support/browser.ts";
import {
  dashboardConfig,
  dashboardTokens,
  folderWithHistory,
  type Visit,
  visit,
} from "../support/dashboard.ts";
import { script, startHook, type TestHook } from "../support/hook.ts";

const services = ["blog", "shop", "docs"];

describe("in the dashboard", { skip: browserMissing }, () => {
  let browser: Browser;
  let hook: TestHook;
  let folder: string;
  let visited: Visit;
  let page: Page;

  before(async () => {
    await buildDashboard();
    folder = folderWithHistory(services, 90);
    const config = dashboardConfig({
      services,
      targets: {
        shop: script('case "$STATIGO_TAG" in slow*) exec sleep 600;; *) echo deployed $STATIGO_TAG;; esac'),
      },
      lines: { docs: "approval: true" },
    });
    hook = await startHook(config, { folder });
    browser = await openBrowser();
    visited = await visit(browser, hook.origin);
    page = visited.page;
  });
  after(async () => {
    assert.deepEqual(visited?.complaints, []);
    await browser?.close();
    await hook?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(service: string): Promise<void> {
    await page.goto(`${hook.origin}/dashboard/#/services/${service}`);
    await page.getByRole("heading", { name: service, level: 1 }).waitFor();
  }

  /** Presses a button, reads what the dialog says, and confirms it. */
  async function act(
    button: string,
    says: readonly string[],
    confirm: string,
    fields: Record<string, string> = {},
  ) {
    await page.getByRole("button", { name: button, exact: true }).first().click();
    const dialog = page.getByRole("dialog");
    for (const text of says) await dialog.getByText(text).first().waitFor();
    for (const [label, value] of Object.entries(fields)) await dialog.getByLabel(label).fill(value);
    await dialog.getByRole("button", { name: confirm, exact: true }).click();
    await dialog.waitFor({ state: "detached" });
  }

  const newest = () => hook.store.list({ limit: 1 })[0] ?? assert.fail("there is no deployment");

  test("a tag is deployed after it was said what will happen, and shows up as live by itself", async () => {
    await open("shop");
    await act(
      "Deploy a tag…",
      ["The tag below of acme/shop replaces what runs.", "The target command deploys it."],
      "Deploy it",
      { Tag: "v7" },
    );
    await page.getByText("live now").waitFor();
    await page.locator(".facts").getByText("v7", { exact: true }).waitFor();
    const { tag, actor, cause } = newest();
    assert.deepEqual([tag, actor, cause], ["v7", "anna", "deploy"]);
  });

  test("what is no tag is not sent", async () => {
    const before = newest().id;
    await page.getByRole("button", { name: "Deploy a tag…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Tag").fill("no tag");
    await dialog.getByRole("button", { name: "Deploy it" }).click();
    assert.equal(
      await dialog.getByLabel("Tag").evaluate((field: HTMLInputElement) => field.validity.patternMismatch),
      true,
    );
    await dialog.getByRole("button", { name: "Leave it" }).click();
    await dialog.waitFor({ state: "detached" });
    assert.equal(newest().id, before);
  });

  test("a rollback names the release that comes back, and brings it", async () => {
    const before = hook.store.lastSucceeded("shop");
    const to = hook.operations.previousRelease("shop")?.tag ?? assert.fail("nothing to roll back to");
    await act("Roll back…", [`acme/shop:${to}`, `Now ${before?.tag} runs`], `Roll back to ${to}`);
    await page.locator(".facts").getByText(to, { exact: true }).waitFor();
    assert.deepEqual([newest().tag, newest().cause], [to, "rollback"]);
  });

  test("one that happened is deployed again", async () => {
    const { tag } = newest();
    await act("Redeploy…", [`acme/shop:${tag}`], `Deploy ${tag} again`);
    await page.getByText(`deployed again by anna`).waitFor();
  });

  test("a running one shows its log as it is written, and is cancelled", async () => {
    await act("Deploy a tag…", [], "Deploy it", { Tag: "slow1" });
    await page.getByRole("log").getByText("deploying acme/shop:slow1").waitFor();
    await act("Cancel…", ["The target is told to stop"], "Cancel the deployment");
    await page.getByText("cancelled by anna").first().waitFor();
    assert.equal(newest().state, "cancelled");
  });

  test("a service is paused with its reason, says so, and is resumed", async () => {
    await act("Pause…", ["until somebody resumes it"], "Pause shop", { Why: "the fair" });
    await page.getByText("Paused by anna").waitFor();
    await page.getByText("the fair").first().waitFor();
    await act("Resume…", ["Ends the pause that anna began."], "Resume shop");
    await page.getByText("Paused by anna").waitFor({ state: "detached" });
  });

  test("a freeze takes its time and is ended; a wrong time is said in the dialog", async () => {
    await page.getByRole("button", { name: "Freeze…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("For how long").fill("a while");
    await dialog.getByRole("button", { name: "Freeze shop" }).click();
    await dialog.getByRole("alert").getByText("neither a duration such as 12h").waitFor();
    await dialog.getByLabel("For how long").fill("3d");
    await dialog.getByRole("button", { name: "Freeze shop" }).click();
    await page.getByText("Frozen by anna until").waitFor();
    await act("End the freeze…", ["Ends the freeze by anna"], "End the freeze");
    await page.getByText("Frozen by anna until").waitFor({ state: "detached" });
  });

  test("what waits for approval is shown by itself, and approved", async () => {
    await open("docs");
    await hook.push("v8", { service: "docs", image: "acme/docs" });
    await act("Approve v8…", ["acme/docs:v8 goes ahead, under your name."], "Approve v8");
    await page.locator(".facts").getByText("v8", { exact: true }).waitFor();
    assert.equal(hook.store.lastSucceeded("docs")?.approvedBy, "anna");
  });

  test("the timeline is continued, each entry once", async () => {
    await open("blog");
    await page.getByRole("list").getByText("went live").first().waitFor();
    const count = () => page.locator(".timeline li").count();
    assert.equal(await count(), 25);
    await open("shop");
    await page.getByRole("button", { name: "Show older ones" }).click();
    await page.getByRole("button", { name: "Show older ones" }).waitFor({ state: "detached" });
    const ids = await page
      .locator(".timeline li a")
      .evaluateAll((links) => links.map((link) => link.getAttribute("href")));
    assert.equal(new Set(ids).size, ids.length);
    assert.equal(ids.length, hook.store.list({ services: ["shop"], limit: 200 }).length);
  });

  test("a deployment's page has its steps with their durations, its facts and its log", async () => {
    await open("shop");
    await page.getByRole("link", { name: "v7" }).last().click();
    await page.getByRole("heading", { name: "v7 of shop" }).waitFor();
    await page.locator(".steps").getByText("went live").waitFor();
    await page.getByText("deployed by anna").waitFor();
    await page.getByRole("log").getByText("deployed v7").waitFor();
    assert.match((await page.locator(".steps .number").allTextContents()).join(" "), /\d\.\d\ss/);
  });

  test("the webhook's URL is copied; a new secret is shown once, and none of it is there when one comes back", async () => {
    await visited.context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: hook.origin });
    await open("shop");
    await page.getByRole("button", { name: "Copy: URL" }).click();
    await page.getByRole("button", { name: "Copy: URL" }).getByText("Copied").waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.equal(copied, `${hook.origin}/hooks/shop/<secret>`);
    await page.getByRole("button", { name: "Make a new secret" }).click();
    const shown = await page.getByLabel("New URL", { exact: true }).inputValue();
    assert.match(shown, /\/hooks\/shop\/[\w-]{43}$/);
    assert.match(
      await page.getByLabel("For the config", { exact: true }).inputValue(),
      /^\{ sha256: [0-9a-f]{64} \}$/,
    );
    await open("blog");
    await open("shop");
    await page.getByRole("button", { name: "Make a new secret" }).waitFor();
    assert.ok(!(await page.content()).includes(shown));
  });

  test("a test delivery says what would be done, and does nothing", async () => {
    const before = newest().id;
    await page.getByLabel("Tag").fill("latest");
    await page.getByRole("button", { name: "Test it" }).click();
    await page.getByText("Nothing: this service does not want it.").waitFor();
    await page.getByLabel("Tag").fill("v99");
    await page.getByRole("button", { name: "Test it" }).click();
    await page.getByText("It would be deployed.").waitFor();
    assert.equal(newest().id, before);
  });

  test("the list is searched by every word, and filtered", async () => {
    await page.getByRole("link", { name: "Services" }).click();
    const names = () => page.locator(".site:not([hidden]) .name a").allTextContents();
    await page.getByRole("searchbox").fill("acme sho");
    await page.getByText("1 of 3 services").waitFor();
    assert.deepEqual(await names(), ["shop"]);
    await page.getByRole("searchbox").fill("nothing like that");
    await page.getByText("Nothing like that. Search for less, or show all.").waitFor();
    await page.getByRole("searchbox").fill("");
    await page.getByRole("button", { name: /^Held/ }).click();
    await page.getByText("0 of 3 services").waitFor();
    await page.getByRole("button", { name: /^All/ }).click();
    assert.deepEqual(await names(), services);
  });

  test("everything is reached by the keyboard: from a row to a dialog, and back to the button", async () => {
    await page.getByRole("link", { name: "shop", exact: true }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "shop", level: 1 }).waitFor();
    const focused = () => page.evaluate(() => document.activeElement?.textContent);
    const waitForFocus = (text: string) =>
      page.waitForFunction((wanted) => document.activeElement?.textContent === wanted, text);
    await waitForFocus("shop");
    const button = page.getByRole("button", { name: "Deploy a tag…" });
    await button.waitFor();
    for (let steps = 0; steps < 10 && (await focused()) !== "Deploy a tag…"; steps += 1)
      await page.keyboard.press("Tab");
    assert.equal(await focused(), "Deploy a tag…");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await waitForFocus("Deploy a tag…");
  });

  test("who may only read has no button that does anything, and no config", async () => {
    const reader = await visit(browser, hook.origin, { token: dashboardTokens.read });
    await reader.page.getByText("read-only").waitFor();
    await reader.page.goto(`${hook.origin}/dashboard/#/services/shop`);
    await reader.page.getByText("The hook keeps only a hash").waitFor();
    await reader.page.getByRole("link", { name: "v7" }).last().waitFor();
    const buttons = await reader.page.getByRole("button").allTextContents();
    assert.deepEqual(buttons, ["To the content", "Auto", "Sign out", "Show older ones", "Copy"]);
    assert.equal(await reader.page.getByText("Config, as it was loaded").count(), 0);
    assert.deepEqual(reader.complaints, []);
    await reader.context.close();
  });

  test("a wrong token is said to be none; signing out leaves nothing behind", async () => {
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("API token").fill("no-token-of-anybody");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("No token of the hook's config is this one.").waitFor();
    assert.deepEqual(await visited.context.cookies(), []);
  });
});
