/** `statigo serve` as a process, with pages open in a real browser. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { Browser, Page } from "playwright-core";
import decodeQr from "qr/decode.js";
import { listen } from "../../cli/serve/address.ts";
import { browserMissing, openBrowser } from "../support/browser.ts";
import { type CommandLine, startCommand, startOnTerminal } from "../support/command-line.ts";
import { eventually } from "../support/demo.ts";
import { freePorts } from "../support/free-port.ts";

const folder = mkdtempSync(join(tmpdir(), "statigo-serve-"));
const started: CommandLine[] = [];
after(() => {
  for (const { child } of started) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

let siteCount = 0;

function makeSite(files: Readonly<Record<string, string>>): string {
  siteCount += 1;
  const site = join(folder, `site-${siteCount}`);
  for (const [path, content] of Object.entries(files)) write(site, path, content);
  return site;
}

function write(site: string, path: string, content: string): void {
  mkdirSync(join(site, path, ".."), { recursive: true });
  writeFileSync(join(site, path), content);
}

interface Served {
  command: CommandLine;
  url: string;
  stop(): Promise<number | null>;
}

/** Resolves once it says where; a port is chosen for it. */
async function serve(args: readonly string[], start = startCommand): Promise<Served> {
  const [port = 0] = await freePorts(1);
  const command = start(["serve", ...args, "--port", String(port)]);
  started.push(command);
  const url = await eventually(
    "it says its address",
    () => /is served on (http:\S+)/.exec(stripVTControlCharacters(said(command)))?.[1],
  ).catch((error) => {
    throw new Error(`${error.message}: ${said(command)}`);
  });
  const stop = async () => {
    command.child.kill("SIGINT");
    return (await command.ended).status;
  };
  return { command, url, stop };
}

function said({ out, err }: CommandLine): string {
  return out() + err();
}

const asPage = { headers: { accept: "text/html" } };

describe("what is served", () => {
  const site = makeSite({
    "index.html": "<h1>Home</h1>",
    "app.3f2a9c1b.js": "1",
    "fragment.html": "<p>Part</p>",
    _headers: "/*\n  Content-Security-Policy: default-src 'none'; script-src 'nonce-x' 'strict-dynamic'\n",
  });
  let served: Served;
  before(async () => {
    served = await serve([site]);
  });
  const get = (path: string, init?: RequestInit) => fetch(new URL(path, served.url), init);

  test("a page carries the script, is not kept, and its policy lets the script in", async () => {
    const answer = await get("/", asPage);
    const [, nonce = ""] =
      /^<h1>Home<\/h1><script src="\/\.statigo\/live\.js" .*nonce="(.+)"><\/script>\n$/.exec(
        await answer.text(),
      ) ?? [];
    assert.notEqual(nonce, "");
    assert.equal(answer.headers.get("cache-control"), "no-store");
    assert.equal(answer.headers.get("etag"), null);
    assert.equal(
      answer.headers.get("content-security-policy"),
      `default-src 'none'; script-src 'nonce-x' 'strict-dynamic' 'nonce-${nonce}'; connect-src 'self'`,
    );
  });

  test("the page for what is not found carries it too, with its status", async () => {
    const answer = await get("/nowhere", asPage);
    assert.equal(answer.status, 404);
    assert.match(await answer.text(), /live\.js/);
  });

  test("what a script fetches is left as it is", async () => {
    const answer = await get("/fragment", { headers: { ...asPage.headers, "sec-fetch-dest": "empty" } });
    assert.equal(await answer.text(), "<p>Part</p>");
  });

  test("no file is kept by the browser without asking, not even one with a hash in its name", async () => {
    const answer = await get("/app.3f2a9c1b.js");
    assert.equal(answer.headers.get("cache-control"), "no-cache");
    const again = await get("/app.3f2a9c1b.js", {
      headers: { "if-none-match": answer.headers.get("etag") ?? "" },
    });
    assert.equal(again.status, 304);
  });

  test("the log has a line for each request, without colours where it is no terminal", async () => {
    await get("/?a=b");
    await eventually(
      "a line",
      () => /^200 +13 B +\d+\.\d ms {2}GET \/\?a=b$/m.test(served.command.out()) || undefined,
    );
  });

  test("the server's health and metrics are answered, and not logged", async () => {
    assert.equal((await get("/health")).status, 204);
    assert.match(await (await get("/metrics")).text(), /^statigo_requests_total/m);
    assert.doesNotMatch(served.command.out(), /health|metrics/);
  });

  test("Ctrl-C ends it with status 0, open streams or not", async () => {
    const events = await get("/.statigo/events");
    assert.equal(await served.stop(), 0);
    await events.text();
  });
});

test("--no-reload leaves pages and caching as in the image; the server's flags are handed on", async () => {
  const site = makeSite({ "start.html": "<h1>Start</h1>" });
  const served = await serve([site, "--no-reload", "-index-filename", "start.html", "--log-format=json"]);
  const answer = await fetch(served.url, asPage);
  assert.equal(await answer.text(), "<h1>Start</h1>");
  assert.equal(answer.headers.get("cache-control"), "public, max-age=0, must-revalidate");
  await eventually(
    "a line of JSON",
    () => /"path":"\/","status":200/.test(served.command.out()) || undefined,
  );
  assert.match(served.command.out(), /"address":"127\.0\.0\.1"/);
  assert.equal(await served.stop(), 0);
});

test("the log is coloured on a terminal, and not with NO_COLOR", async () => {
  const site = makeSite({ "index.html": "x" });
  for (const [environment, expected] of [
    [{}, "\x1b[32m200\x1b[39m"],
    [{ NO_COLOR: "1" }, "\n200 "],
  ] as const) {
    const served = await serve([site], (args) => startOnTerminal(args, 100, environment));
    await fetch(served.url);
    await eventually("a line", () => said(served.command).includes(expected) || undefined);
    await served.stop();
  }
});

test("--qr shows a code that reads as the address in the network", {
  skip: hasNetwork() ? false : "this machine is in no network",
}, async () => {
  const served = await serve([makeSite({ "index.html": "phone" }), "--qr"]);
  const [, address = ""] = /in your network: (\S+)/.exec(said(served.command)) ?? [];
  assert.equal(readCode(said(served.command)), address);
  assert.equal(await (await fetch(address)).text(), "phone");
  await served.stop();
});

function hasNetwork(): boolean {
  return Object.values(networkInterfaces()).some((one) =>
    one?.some(({ internal, family }) => !internal && family === "IPv4"),
  );
}

/** Half blocks as pixels, light where a terminal is. */
function readCode(text: string): string {
  const lines = stripVTControlCharacters(text)
    .split("\n")
    .filter((line) => /^[█▀▄ ]{20,}$/.test(line));
  const rows = lines.flatMap((line) => [
    [...line].map((block) => block === "█" || block === "▀"),
    [...line].map((block) => block === "█" || block === "▄"),
  ]);
  const scale = 4;
  const width = (rows[0]?.length ?? 0) * scale;
  const height = rows.length * scale;
  const data = new Uint8ClampedArray(width * height * 4);
  for (let at = 0; at < width * height; at++) {
    const isLight = rows[Math.floor(at / width / scale)]?.[Math.floor((at % width) / scale)] === true;
    data.set([isLight ? 255 : 0, isLight ? 255 : 0, isLight ? 255 : 0, 255], at * 4);
  }
  return decodeQr({ width, height, data });
}

describe("a port that is taken", () => {
  const other = createServer();
  let port = 0;
  before(async () => {
    [port = 0] = await freePorts(1);
    other.listen(port, "127.0.0.1");
    await once(other, "listening");
  });
  after(() => other.close());

  test("that was asked for is named with one that is free, and the status is 1", async () => {
    const { status, err } = await startCommand(["serve", folder, "-p", String(port)]).ended;
    const [, named, free] =
      /^statigo: port (\d+) is taken by another program; (\d+) is free: --port \2\n$/.exec(err) ?? [];
    assert.equal(Number(named), port, err);
    assert.ok(Number(free) > port);
    assert.equal(status, 1);
  });

  test("that nobody asked for is left to the other program: the next free one is used", async () => {
    const server = createServer();
    const used = await listen(server, { host: "127.0.0.1", port, isAnyPortFine: true });
    assert.ok(used > port);
    assert.equal((server.address() as AddressInfo).port, used);
    server.close();
  });
});

test("the folder that a site is made from, and a single-page app without --spa, are told what is served", async () => {
  const app = makeSite({ "package.json": '{"devDependencies":{"vite":"8"}}', "dist/index.html": "app" });
  for (const [args, words] of [
    [[app], / is what a site is made from \(a Vite single-page app\); .*statigo serve \S+\/dist --spa\n/],
    [
      [join(app, "dist")],
      /this is a Vite single-page app, which its image serves so: statigo serve \S+dist --spa\n/,
    ],
    [[join(app, "dist"), "--spa"], /^(?!.*single-page)/s],
  ] as const) {
    const served = await serve(args);
    assert.match(served.command.err(), words);
    await served.stop();
  }
});

test("a folder that is not there is refused in one line, with status 2", async () => {
  const { status, err } = await startCommand(["serve", join(folder, "nowhere")]).ended;
  assert.match(err, /^statigo: '\S+nowhere' can't be read: it is missing, or this user may not enter it\n$/);
  assert.equal(status, 2);
});

describe("live reload in Chromium", { skip: browserMissing, concurrency: true }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser?.close());

  async function look(
    site: string,
    path = "/",
  ): Promise<{ page: Page; served: Served; end(): Promise<void> }> {
    const served = await serve([site]);
    const page = await browser.newPage();
    const isListening = page.waitForRequest("**/.statigo/events");
    await page.goto(new URL(path, served.url).href);
    await isListening;
    const end = async () => {
      await page.close();
      await served.stop();
    };
    return { page, served, end };
  }

  test("an edited page is shown with its new text", async () => {
    const site = makeSite({ "index.html": "<!doctype html><title>x</title><h1>Old</h1>" });
    const { page, served, end } = await look(site);
    assert.equal(await page.textContent("h1"), "Old");
    write(site, "index.html", "<!doctype html><title>x</title><h1>New</h1>");
    await page.getByText("New").waitFor();
    // And once more: the page that was loaded anew listens too.
    write(site, "index.html", "<!doctype html><title>x</title><h1>Newest</h1>");
    await page.getByText("Newest").waitFor();
    assert.match(served.command.err(), /^changed: index\.html$/m);
    await end();
  });

  test("a style sheet is swapped and the page stays, also one that another imports", async () => {
    const site = makeSite({
      "index.html": '<link rel="stylesheet" href="css/all.css"><h1>Text</h1><input>',
      "css/all.css": '@import "colours.css";',
      "css/colours.css": "h1 { color: rgb(1, 2, 3) }",
    });
    const { page, end } = await look(site);
    await page.fill("input", "typed by hand");
    const colour = () => page.evaluate('getComputedStyle(document.querySelector("h1")).color');
    assert.equal(await colour(), "rgb(1, 2, 3)");
    write(site, "css/colours.css", "h1 { color: rgb(4, 5, 6) }");
    await page.waitForFunction('getComputedStyle(document.querySelector("h1")).color === "rgb(4, 5, 6)"');
    assert.equal(await page.inputValue("input"), "typed by hand");
    await page.waitForFunction('document.querySelectorAll("link").length === 1');
    await end();
  });

  test("a page that is not there yet appears once it is written, in a new folder too", async () => {
    const site = makeSite({ "index.html": "home" });
    const { page, end } = await look(site, "/posts/first/");
    await page.getByText("404 Not Found").waitFor();
    write(site, "posts/first/index.html", "<h1>First post</h1>");
    await page.getByText("First post").waitFor();
    await end();
  });

  test("a folder that is taken away and built anew, and a link that is switched, are followed", async () => {
    const site = makeSite({ "index.html": "<h1>Release 1</h1>" });
    const link = join(folder, "current");
    symlinkSync(site, link);
    const { page, end } = await look(link);
    rmSync(site, { recursive: true });
    write(site, "index.html", "<h1>Release 2</h1>");
    await page.getByText("Release 2").waitFor();
    symlinkSync(makeSite({ "index.html": "<h1>Release 3</h1>" }), `${link}.new`);
    renameSync(`${link}.new`, link);
    await page.getByText("Release 3").waitFor();
    await end();
  });

  test("a strict content security policy does not keep the page from being live", async () => {
    const policy = "default-src 'none'; style-src 'self'; script-src 'none'";
    const site = makeSite({
      "index.html": "<h1>Strict</h1>",
      _headers: `/*\n  Content-Security-Policy: ${policy}\n`,
    });
    const { page, end } = await look(site);
    write(site, "index.html", "<h1>Still strict</h1>");
    await page.getByText("Still strict").waitFor();
    await end();
  });

  test("a page finds the server that was started anew, and shows what changed meanwhile", async () => {
    const site = makeSite({ "index.html": "<h1>Before</h1>" });
    const { page, served } = await look(site);
    await served.stop();
    write(site, "index.html", "<h1>After</h1>");
    const again = startCommand(["serve", site, "--port", new URL(served.url).port]);
    started.push(again);
    await page.getByText("After").waitFor();
    await page.close();
    again.child.kill("SIGINT");
    assert.equal((await again.ended).status, 0);
  });
});
