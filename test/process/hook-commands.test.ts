/** The commands that ask a hook, as processes, and a hook that is one as well. */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { type CommandLine, startCommand as spawnCommand, startOnTerminal } from "../support/command-line.ts";
import { freePorts } from "../support/free-port.ts";
import {
  adminToken,
  apiToken,
  configOf,
  dockerHubBody,
  postWebhook,
  script,
  secretOf,
  temporaryFolder,
  until,
} from "../support/hook.ts";
import { type HookProcess, startHookProcess } from "../support/hook-process.ts";

/** A release goes on when there is a file with its tag's name; the tag `bad` fails. */
const gated = script(
  'echo begun; until [ -e "go-$STATIGO_TAG" ]; do sleep 0.01; done; [ "$STATIGO_TAG" != bad ]',
);
const quick = script('echo out; [ "$STATIGO_TAG" != bad ]');
const folder = temporaryFolder();
let hook: HookProcess;
let yaml: string;
let environment: Record<string, string>;

before(async () => {
  const [port] = await freePorts(1);
  const services = {
    gated,
    quick,
    held: quick,
    waited: gated,
    restarted: gated,
    left: gated,
    limited: gated,
    wide: quick,
  };
  yaml = configOf(services, "deployments: { grace: 0s, parallel: 16 }")
    .replace("127.0.0.1:0", `127.0.0.1:${port}`)
    .concat(
      `  guarded: { image: stut/guarded, secret: ${secretOf("guarded")}, approval: true, target: ${quick} }\n`,
    );
  hook = await startHookProcess(folder, yaml);
  environment = { STATIGO_HOOK_URL: `http://127.0.0.1:${port}`, STATIGO_HOOK_TOKEN: adminToken };
});
after(async () => {
  for (const { child } of started) child.kill("SIGKILL");
  hook.child.kill("SIGKILL");
  await hook.ended;
  rmSync(folder, { recursive: true });
});

const started: CommandLine[] = [];
function startCommand(...given: Parameters<typeof spawnCommand>): CommandLine {
  const command = spawnCommand(...given);
  started.push(command);
  return command;
}

const open = (tag: string) => writeFileSync(join(folder, `go-${tag}`), "");
const statigo = (...args: string[]) => startCommand(args, environment).ended;
const push = (service: string, tag: string) => hook.push(service, tag);

interface Shown {
  id: number;
  state: string;
  tag: string;
}

async function json<Value = Shown>(...args: string[]): Promise<Value> {
  const { out } = await statigo(...args, "--json");
  return JSON.parse(out) as Value;
}

describe("the commands that ask a hook", { concurrency: 4 }, () => {
  test("deploy --wait tells how a deployment gets on and ends with how it ended", async () => {
    const good = await statigo("deploy", "quick", "v1", "--wait");
    assert.match(
      good.out,
      /^quick v1 succeeded after \d+ s \(deployment \d+\): \/bin\/sh ended with status 0\n$/,
    );
    assert.equal(good.status, 0);
    const bad = await statigo("deploy", "quick", "bad", "--wait");
    assert.match(bad.out, /^quick bad failed after \d+ s \(deployment \d+\): .*status 1/);
    assert.match(bad.err, /^\d\d:\d\d:\d\d out$/m);
    assert.equal(bad.status, 1);
    const listed = await statigo("deployments", "quick");
    assert.match(listed.out, /^ ?ID {2}SERVICE {2}TAG {2}STATE {6}BY {4}WHEN +TOOK {2}REASON$/m);
    assert.match(
      listed.out,
      /^ *\d+ {2}quick {4}v1 {3}succeeded {2}root {2}\d+ s ago +\d+ s {2}\/bin\/sh ended with status 0$/m,
    );
    const page = await json<{ deployments: Shown[] }>("deployments", "quick", "--state", "failed");
    assert.deepEqual(
      page.deployments.map(({ tag, state }) => [tag, state]),
      [["bad", "failed"]],
    );
    const services = await statigo("services");
    assert.match(services.out, /^quick +v1 +\d+ s ago +active +#\d+ bad failed +-$/m);
  });

  test("deploy without --wait ends when it is stored; log -f then follows it", async () => {
    const { id, state } = await json("hook", "deploy", "gated", "v1");
    assert.equal(state, "waiting");
    const log = startCommand(["log", `#${id}`, "-f"], environment);
    await until("the first lines come", () => log.out().includes("begun"));
    open("v1");
    const { status, out, err } = await log.ended;
    assert.match(
      out,
      /^\d\d:\d\d:\d\d deploying stut\/gated:v1 with command\n\S+ begun\n\S+ \/bin\/sh ended with status 0\n$/,
    );
    assert.match(err, /deployment \d+: deploying\n(?:.*\n)*gated v1 succeeded/);
    assert.equal(status, 0);
    const again = await statigo("log", String(id));
    assert.equal(again.out, out);
    await rollBackDuringDeployment();
  });

  async function rollBackDuringDeployment(): Promise<void> {
    const { id } = await json("deploy", "gated", "v2");
    await until("it is begun", async () => (await statigo("log", String(id))).out.includes("begun"));
    const { out } = await statigo("rollback", "gated");
    const back =
      /^deployment (\d+): gated v1, waiting for its turn: v1 comes back when v2 of deployment/.exec(out);
    assert.ok(back, out);
    open("v2");
    const log = await statigo("log", back[1] ?? "", "-f");
    assert.match(log.err, /gated v1 succeeded/);
  }

  test("rollback and redeploy bring back what ran", async () => {
    for (const tag of ["v1", "v2"]) assert.equal((await statigo("deploy", "held", tag, "--wait")).status, 0);
    const back = await json("rollback", "held", "--wait");
    assert.deepEqual([back.tag, back.state], ["v1", "succeeded"]);
    assert.deepEqual([(await json("redeploy", String(back.id), "--wait")).tag], ["v1"]);
    const none = await statigo("rollback", "held", "v9");
    assert.match(none.err, /^statigo: there is no release to go back to: v9/);
    assert.equal(none.status, 1);
    await hold();
  });

  async function hold(): Promise<void> {
    assert.match(
      (await statigo("pause", "held", "-r", "stock-taking")).out,
      /^held is paused until it is resumed\n$/,
    );
    assert.match((await statigo("services")).out, /^held .* paused by root \(stock-taking\)/m);
    await push("held", "v3");
    const { deployments } = await json<{ deployments: Shown[] }>("deployments", "held", "-n", "1");
    const cancelled = await statigo("cancel", String(deployments[0]?.id));
    assert.match(cancelled.out, /^deployment \d+: held v3, cancelled\n$/);
    assert.equal((await statigo("resume", "held")).out, "held is active\n");
    assert.match(
      (await statigo("hook", "freeze", "held", "--until", "2d")).out,
      /^held is frozen until \d{4}-/,
    );
    assert.equal((await statigo("unfreeze", "held")).out, "held is active\n");
  }

  test("approve lets go ahead what waits for it", async () => {
    await push("guarded", "v1");
    const { deployments } = await json<{ deployments: Shown[] }>("deployments", "guarded");
    const id = String(deployments[0]?.id);
    assert.match((await statigo("deployments", "guarded")).out, /waiting for approval/);
    assert.equal((await statigo("approve", id, "--wait")).status, 0);
    assert.equal((await statigo("approve", id)).status, 1);
  });

  test("Ctrl-C leaves the deployment running and says so", async () => {
    const command = startCommand(["deploy", "left", "v7", "--wait"], environment);
    await until("it is being deployed", () => command.err().includes("deploying"));
    command.child.kill("SIGINT");
    const { status, out, err } = await command.ended;
    assert.deepEqual([status, out], [130, ""]);
    const [, id] =
      /deployment (\d+) goes on without this; watch it with: statigo log \1 -f\n$/.exec(err) ?? [];
    open("v7");
    assert.equal((await statigo("log", String(id), "-f")).status, 0);
  });

  test("--timeout ends the waiting with 5", async () => {
    const { status, err } = await statigo("deploy", "limited", "v8", "--wait", "--timeout", "1s");
    assert.equal(status, 5);
    assert.match(err, /deployment \d+ has not ended yet and goes on without this/);
    open("v8");
  });

  test("say in one line what is wrong, and end with what kind of wrong it is", async () => {
    const [closed] = await freePorts(1);
    const rows: [args: string[], given: Record<string, string>, status: number, words: RegExp][] = [
      [["deploy", "gone", "v1"], {}, 2, /the config has no service of this name/],
      [["deploy", "quick", "no tag"], {}, 2, /tag: is not an image tag/],
      [["log", "999"], {}, 2, /no deployment with this id/],
      [["log", "999", "-f"], {}, 2, /no deployment with this id/],
      [["deployments", "--state", "gone"], {}, 2, /state/],
      [["deployments", "--limit", "abc"], {}, 2, /--limit abc: it is a number from 1 to 200/],
      [["deployments", "--before", "x"], {}, 2, /'x' is no deployment's number/],
      [["deployments", "gone"], {}, 2, /the config has no service of this name/],
      [["events", "gone"], {}, 2, /the config has no service of this name/],
      [
        ["services"],
        { STATIGO_HOOK_TOKEN: "another-token-0123456789" },
        4,
        /a bearer token is needed: the one that was sent is not known/,
      ],
      [["pause", "quick"], { STATIGO_HOOK_TOKEN: apiToken }, 4, /it needs the scope admin/],
      [
        ["services"],
        { STATIGO_HOOK_URL: `http://127.0.0.1:${closed}` },
        3,
        /127\.0\.0\.1:\d+ cannot be reached: nothing listens there/,
      ],
      [["events"], { STATIGO_HOOK_URL: "http://127.0.0.1:1" }, 3, /cannot be reached: its port is one/],
      [
        ["services"],
        { STATIGO_HOOK_URL: `${environment["STATIGO_HOOK_URL"]}/elsewhere` },
        2,
        /there is nothing here/,
      ],
    ];
    for (const [args, given, status, words] of rows) {
      const shown = await startCommand(args, { ...environment, ...given }).ended;
      assert.match(shown.err, words);
      assert.match(shown.err, /^statigo: .*\n$/);
      assert.deepEqual([shown.status, shown.out], [status, ""], args.join(" "));
    }
  });

  test("know an answer that is no hook's, and follow no redirect with the token", async () => {
    const seen: (string | undefined)[] = [];
    const other = createServer((request, response) => {
      seen.push(request.url);
      if (request.url === "/api/services") response.writeHead(302, { location: "/stolen" }).end();
      else response.end("<html>");
    }).listen(0, "127.0.0.1");
    await until("it listens", () => other.listening);
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const moved = await startCommand(["services"], { ...environment, STATIGO_HOOK_URL: url }).ended;
    assert.match(moved.err, /is elsewhere \(302 to \/stolen\)/);
    const page = await startCommand(["deployments"], { ...environment, STATIGO_HOOK_URL: url }).ended;
    assert.match(page.err, /answers, but not like a hook/);
    assert.deepEqual([moved.status, page.status, seen.includes("/stolen")], [3, 3, false]);
    other.close();
  });
});

const csi = "\u001b[";

describe("on a terminal", () => {
  const plainEnvironment = () => ({ ...environment, NO_COLOR: "1" });

  test("tables are coloured and cut to its width; NO_COLOR keeps the colours away, a pipe both", async () => {
    await push("wide", "a-tag-that-is-longer-than-any-tag-should-be-but-is-one");
    await until("it has succeeded", async () => (await statigo("services")).out.includes("succeeded"));
    const coloured = await startOnTerminal(["services"], 60, environment).ended;
    assert.ok(coloured.out.includes(`${csi}32m`));
    const lines = stripVTControlCharacters(coloured.out).trimEnd().split("\r\n");
    for (const line of lines) assert.ok(line.length <= 60, line);
    assert.match(lines.join(), /…/);
    const plain = await startOnTerminal(["services"], 60, plainEnvironment()).ended;
    assert.ok(!plain.out.includes(`${csi}3`));
    const piped = await statigo("services");
    assert.ok(!piped.out.includes("\u001b") && !piped.out.includes("…"));
    assert.match(piped.out, /a-tag-that-is-longer-than-any-tag-should-be-but-is-one/);
  });

  test("progress is one line that changes", async () => {
    const command = startOnTerminal(["deploy", "waited", "v5", "--wait"], 100, plainEnvironment());
    await until("it is being deployed", () => command.out().includes("deploying"));
    open("v5");
    const { status, out } = await command.ended;
    assert.equal(status, 0);
    const drawn = out.split(`\r${csi}2K`);
    assert.match(
      drawn[1] ?? "",
      /^waited v5 \(deployment \d+\): (?:deploying|waiting for its turn) {2}\d+ s$/,
    );
    assert.match(drawn.at(-1) ?? "", /^waited v5 succeeded after .*\r\n$/);
  });
});

test("events shows pauses, freezes and a reload beside the deployments, and as JSON a line each", async () => {
  const events = startCommand(["events"], environment);
  const json = startCommand(["events", "held", "--json"], environment);
  // The connection is there when the first of it is shown.
  await until("both follow", async () => {
    for (const command of ["pause", "resume"]) await startCommand([command, "held"], environment).ended;
    return [events, json].every((command) => command.out() !== "");
  });
  await startCommand(["pause", "held", "--reason", "the fair"], environment).ended;
  await startCommand(["resume", "held"], environment).ended;
  await startCommand(["freeze", "held", "--until", "1h"], environment).ended;
  await startCommand(["unfreeze", "held"], environment).ended;
  hook.child.kill("SIGHUP");
  await until("all is told", () => [events, json].every((command) => /config/.test(command.out())));
  const lines = stripVTControlCharacters(events.out());
  assert.match(
    lines,
    / {2}held {2}paused by root \(the fair\)\n.* {2}held {2}active\n.* {2}held {2}frozen until .* by root\n.* {2}held {2}active\n.* {2}the hook has loaded its config anew\n$/,
  );
  const told = json
    .out()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    told.slice(-5).map(({ state, configLoadedAt }) => state ?? typeof configLoadedAt),
    ["paused", "active", "frozen", "active", "string"],
  );
  for (const { child } of [events, json]) child.kill("SIGINT");
  await Promise.all([events.ended, json.ended]);
});

describe("over a restart of the hook", () => {
  async function restart(): Promise<void> {
    hook.child.kill("SIGKILL");
    await hook.ended;
    hook = await startHookProcess(folder, yaml);
  }

  test("events misses nothing, and deploy --wait waits for the end", async () => {
    const events = startCommand(["events", "restarted", "--after", "0", "--json"], environment);
    const waiting = startCommand(["deploy", "restarted", "v6", "--wait"], environment);
    await until("it is being deployed", () => events.out().includes('"deploying"'));
    await restart();
    await postWebhook(
      `${environment["STATIGO_HOOK_URL"]}/hooks/restarted/${secretOf("restarted")}`,
      dockerHubBody("stut/restarted", "v7"),
    );
    open("v6");
    const { status, out } = await waiting.ended;
    assert.match(out, /^restarted v6 succeeded/);
    assert.equal(status, 0);
    const seen = () =>
      events
        .out()
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { id: number; tag: string; state: string });
    await until(
      "both have succeeded",
      () => seen().filter(({ state }) => state === "succeeded").length === 2,
      20_000,
    );
    const ids = seen().map(({ id }) => id);
    assert.deepEqual(
      ids,
      [...new Set(ids)].sort((a, b) => a - b),
    );
    events.child.kill("SIGINT");
    assert.equal((await events.ended).status, 130);
    assert.match(events.err(), /trying again/);
  });
});
