import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import type { Browser, Page } from "playwright-core";
import { isFree } from "../../cli/demo/port.ts";
import { tagAt } from "../../cli/demo/wording.ts";
import { browserMissing, keepScreenshot, openBrowser } from "../support/browser.ts";
import { curlMissing, type Demo, eventually, printedCurl, startDemo } from "../support/demo.ts";
import { freePorts } from "../support/free-port.ts";

const execute = promisify(execFile);

interface Running {
  demo: Demo;
  siteUrl: string;
  sitePort: number;
  hookPort: number;
  curl: string;
}

async function startOnFreePorts(): Promise<Running> {
  const [sitePort = 0, hookPort = 0] = await freePorts(2);
  const demo = startDemo({ PORT: String(sitePort), HOOK_PORT: String(hookPort) });
  const curl = await eventually("npm start prints a curl", () => printedCurl(demo.output())).catch(
    async (error) => {
      await demo.dispose();
      throw new Error(`${error.message}; it printed:\n${demo.output()}`);
    },
  );
  return { demo, siteUrl: `http://127.0.0.1:${sitePort}`, sitePort, hookPort, curl };
}

async function shownRelease(siteUrl: string): Promise<string | undefined> {
  const page = await (await fetch(siteUrl)).text();
  return /<strong>(release-\d{14})<\/strong>/.exec(page)?.[1];
}

/** Pastes the printed command. Its tag has the time in seconds, so two pastes within one would be the same release. */
async function paste(curl: string, shown: string | null | undefined): Promise<string> {
  await eventually("the next second", () => tagAt(new Date()) !== shown || undefined);
  return (await execute("bash", ["-c", curl])).stdout;
}

describe("npm start", () => {
  let running: Running;
  before(async () => {
    running = await startOnFreePorts();
  });
  after(() => running?.demo.dispose());

  test("it names both addresses and serves the template's page with the release it shows", async () => {
    const { demo, siteUrl, hookPort } = running;
    assert.match(demo.output(), new RegExp(`Site {2}${siteUrl} `));
    assert.match(demo.output(), new RegExp(`Hook {2}http://127.0.0.1:${hookPort}\n`));
    const page = await (await fetch(siteUrl)).text();
    assert.match(page, /<h1>Harbour Events<\/h1>/);
    assert.equal(
      (await fetch(`${siteUrl}/css/site.css`)).headers.get("content-type"),
      "text/css; charset=utf-8",
    );
    assert.ok(demo.output().includes((await shownRelease(siteUrl)) ?? "no release"));
  });

  test("the printed curl, executed as it is printed, changes what the site shows", {
    skip: curlMissing,
  }, async () => {
    const { demo, siteUrl, curl } = running;
    const before = await shownRelease(siteUrl);
    const answer = JSON.parse(await paste(curl, before));
    assert.equal(answer.status, "accepted");
    const shown = await eventually("another release", async () => {
      const release = await shownRelease(siteUrl);
      return release === before ? undefined : release;
    });
    assert.equal(shown, answer.deployments[0].tag);
    await eventually(
      "the terminal says so",
      () => demo.output().includes(`${shown} is live on ${siteUrl}`) || undefined,
    );
  });

  test("a curl with a wrong secret is 404 and changes nothing", { skip: curlMissing }, async () => {
    const { siteUrl, curl } = running;
    const before = await shownRelease(siteUrl);
    const wrong = curl.replace(/example\/[^ ]+/, "example/wrong-secret-wrong-secret");
    const { stdout } = await execute("bash", [
      "-c",
      `${wrong} --silent --output /dev/null --write-out '%{http_code}'`,
    ]);
    assert.equal(stdout, "404");
    assert.equal(await shownRelease(siteUrl), before);
  });

  describe("in Chromium", { skip: browserMissing || curlMissing }, () => {
    let browser: Browser;
    before(async () => {
      browser = await openBrowser();
    });
    after(() => browser?.close());

    /** The release on the page, and what the page complained about. */
    async function open(): Promise<{ page: Page; complaints: string[] }> {
      const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
      const complaints: string[] = [];
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("requestfailed", (request) => complaints.push(request.url()));
      page.on("response", (response) => {
        if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
      });
      await page.goto(running.siteUrl);
      return { page, complaints };
    }

    test("an open page shows the new release by itself after the curl, and nothing fails on it", async () => {
      const { page, complaints } = await open();
      const release = page.locator("[role=status] strong");
      const before = await release.textContent();
      await keepScreenshot(page, "npm-start-before");
      await paste(running.curl, before);
      const shown = await eventually("the page reloads", async () => {
        const text = await release.textContent({ timeout: 2000 }).catch(() => before);
        return text === before ? undefined : text;
      });
      assert.match(shown ?? "", /^release-\d{14}$/);
      await page.waitForLoadState("load");
      await keepScreenshot(page, "npm-start-after");
      assert.equal(await page.locator("h1").textContent(), "Harbour Events");
      // A reload that the page itself asks for may cut off the question it was asking just then.
      assert.deepEqual(
        complaints.filter((complaint) => !complaint.endsWith("/release.txt")),
        [],
      );
    });
  });

  test("Ctrl-C ends it with status 0 and frees both ports", async () => {
    running.demo.signal("SIGINT");
    assert.equal(await running.demo.ended, 0);
    assert.ok(await isFree(running.sitePort), "the site's port is still taken");
    assert.ok(await isFree(running.hookPort), "the hook's port is still taken");
  });
});

for (const [what, variable, other] of [
  ["the site", "PORT", "HOOK_PORT"],
  ["the hook", "HOOK_PORT", "PORT"],
] as const) {
  test(`npm start says that the port of ${what} is in use and that ${variable} changes it`, async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as { port: number };
    const [free = 0] = await freePorts(1);
    const demo = startDemo({ [variable]: String(port), [other]: String(free) });
    try {
      assert.equal(await demo.ended, 1);
      const wanted = `statigo: port ${port} is in use, and ${what} wants it. Stop what listens there, or take another one: ${variable}=${port + 1} npm start\n`;
      assert.ok(demo.output().includes(wanted), demo.output());
      assert.ok(await isFree(free), "something was left running");
    } finally {
      taken.close();
      await demo.dispose();
    }
  });
}

/** The number of the process that has this argument. */
function processWith(argument: string): number {
  const found = readdirSync("/proc").find((entry) => {
    try {
      return readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0").includes(argument);
    } catch {
      return false;
    }
  });
  return Number(found ?? assert.fail(`no process has the argument ${argument}`));
}

test("when the server dies the hook goes too, and npm start says why", async () => {
  const { demo, sitePort, hookPort } = await startOnFreePorts();
  try {
    process.kill(processWith(`127.0.0.1:${sitePort}`), "SIGKILL");
    assert.equal(await demo.ended, 1);
    assert.match(demo.output(), /the server ended \(signal SIGKILL\)\. Its last words, from .*server\.log:/);
    assert.ok(await isFree(hookPort), "the hook still runs");
  } finally {
    await demo.dispose();
  }
});
