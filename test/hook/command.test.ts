import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { createFields } from "../../hook/config/fields.ts";
import { command, commandVariables } from "../../hook/target/command.ts";
import type { Outcome } from "../../hook/target/target.ts";
import { parseImageName } from "../../oci/reference.ts";
import { startedDeployment } from "../support/deployments.ts";
import { configOf, script, startHook, until } from "../support/hook.ts";

const folder = mkdtempSync(join(tmpdir(), "statigo-command-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const deployment = startedDeployment({ id: 7, digest: "sha256:0123", target: "command", attempt: 2 });

interface Ran {
  outcome: Outcome;
  lines: string[];
}

async function run(
  options: { run: string[]; environment?: Record<string, string> },
  { environment = {}, signal = new AbortController().signal, about = deployment } = {},
): Promise<Ran> {
  const image = parseImageName("stut/blog");
  assert.ok("name" in image);
  const parsed = command.schema(createFields({ environment, directory: folder })).parse(options);
  const setting = { service: "blog", image: image.name, directory: folder, environment };
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const context = { log, signal, deadline: new Date(), remember: async () => {} };
  return { outcome: await command.create(parsed, setting).deploy(about, context), lines };
}

function shell(text: string, ...args: string[]): { run: string[] } {
  return { run: ["/bin/sh", "-c", text, ...args] };
}

function reasonOf({ outcome }: Ran): string {
  assert.ok(outcome.kind === "failed");
  return outcome.reason;
}

function isAlive(pid: number): boolean {
  try {
    // A zombie still has a number; it is not alive.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

describe("the command target", () => {
  test("tells the program all it documents, and nothing else of the hook's environment", async () => {
    const environment = {
      PATH: process.env["PATH"],
      HOME: "/home/hook",
      BLOG_SECRET: "blog-secret-0123456789",
    };
    const { lines } = await run({ run: ["/usr/bin/env"], environment: { SITE: "a b" } }, { environment });
    const { STATIGO_RUN: mark, ...told } = Object.fromEntries(lines.map((line) => line.split("=", 2)));
    // By it the next hook finds what a killed one has left running.
    assert.match(mark ?? "", /^[0-9a-f]{16}$/);
    assert.deepEqual(told, {
      PATH: process.env["PATH"],
      HOME: "/home/hook",
      SITE: "a b",
      STATIGO_SERVICE: "blog",
      STATIGO_IMAGE: "stut/blog:v1",
      STATIGO_REPOSITORY: "stut/blog",
      STATIGO_TAG: "v1",
      STATIGO_DIGEST: "sha256:0123",
      STATIGO_DEPLOYMENT: "7",
      STATIGO_ATTEMPT: "2",
    });
    for (const name of Object.keys(commandVariables)) assert.ok(name in told);
  });

  test("cannot be told otherwise by its own `environment`", async () => {
    const environment = { PATH: process.env["PATH"] };
    const more = { STATIGO_TAG: "other" };
    const { lines } = await run({ run: ["/usr/bin/env"], environment: more }, { environment });
    assert.ok(lines.includes("STATIGO_TAG=v1"));
  });

  test("hands arguments over as they are: no shell reads them", async () => {
    const args = ["$(touch pwned)", "; touch pwned", "a b", "*", "", "`id`", "$STATIGO_TAG"];
    const { lines } = await run({ run: ["/usr/bin/printf", "[%s]\n", ...args] });
    assert.deepEqual(
      lines,
      args.map((arg) => `[${arg}]`),
    );
    assert.equal(existsSync(join(folder, "pwned")), false);
  });

  test("is not fooled by what a payload could smuggle into a tag", async () => {
    const about = { ...deployment, tag: "$(touch pwned)" };
    const { lines } = await run(shell('echo "$STATIGO_TAG" "$STATIGO_IMAGE"'), { about });
    assert.deepEqual(lines, ["$(touch pwned) stut/blog:$(touch pwned)"]);
    assert.equal(existsSync(join(folder, "pwned")), false);
  });

  test("runs in the config file's directory, from which a relative program is found", async () => {
    writeFileSync(join(folder, "deploy.sh"), "#!/bin/sh\npwd\n", { mode: 0o755 });
    const { lines, outcome } = await run({ run: ["./deploy.sh"] });
    assert.deepEqual(lines, [folder]);
    const summary = "./deploy.sh ended with status 0";
    assert.deepEqual(outcome, { kind: "succeeded", summary, isConverged: true });
  });

  test("finds a program without a slash by PATH", async () => {
    const { outcome } = await run({ run: ["true"] }, { environment: { PATH: process.env["PATH"] } });
    assert.equal(outcome.kind, "succeeded");
  });

  test("takes both outputs, whole lines and the last one without its end", async () => {
    const { lines } = await run(shell("echo one; echo two >&2; printf three"));
    assert.deepEqual(lines.sort(), ["one", "three", "two"]);
  });

  test("fails with the status that the program ended with", async () => {
    assert.match(reasonOf(await run(shell("exit 7"))), /ended with status 7; its output is in the log/);
    assert.match(reasonOf(await run(shell("kill -SEGV $$"))), /was ended by SIGSEGV/);
  });

  test("says why a program could not be started", async () => {
    assert.match(
      reasonOf(await run({ run: ["./none.sh"] })),
      /\.\/none\.sh was not found from .*: check the path/,
    );
    writeFileSync(join(folder, "plain.txt"), "text");
    assert.match(reasonOf(await run({ run: ["./plain.txt"] })), /may not be run: is it executable/);
  });

  test("ends the program's whole group, those that do not listen to SIGTERM as well", async () => {
    const limit = new AbortController();
    const pids = join(folder, "pids");
    const stubborn = `trap '' TERM; echo $$ >> ${pids}; sleep 60 & echo $! >> ${pids}; wait; sleep 60`;
    const running = run(shell(`sh -c "$0" & echo $$ >> ${pids}; wait`, stubborn), { signal: limit.signal });
    const readPids = () =>
      existsSync(pids) ? readFileSync(pids, "utf8").trim().split("\n").map(Number) : [];
    await until("three processes", () => readPids().length === 3);
    const startedMs = Date.now();
    limit.abort();
    assert.match(reasonOf(await running), /did not end in time and was stopped/);
    assert.ok(Date.now() - startedMs < 20_000);
    // Killed is not yet gone: the kernel takes a moment.
    await until("all three are gone", () => readPids().filter(isAlive).length === 0);
  });

  test("lets a program clean up on SIGTERM", async () => {
    const limit = new AbortController();
    const ready = join(folder, "ready");
    const text = `trap 'echo cleaning; exit 0' TERM; touch ${ready}; while :; do sleep 0.02; done`;
    const running = run(shell(text), { signal: limit.signal });
    await until("the program is ready", () => existsSync(ready));
    limit.abort();
    assert.ok((await running).lines.includes("cleaning"));
  });

  test("does not wait for a daemon that the program left behind, and leaves it alone", async () => {
    const startedMs = Date.now();
    const { outcome, lines } = await run(shell("sleep 30 & echo $!"));
    assert.equal(outcome.kind, "succeeded");
    assert.ok(Date.now() - startedMs < 20_000);
    const daemon = Number(lines[0]);
    assert.ok(isAlive(daemon));
    process.kill(daemon, "SIGKILL");
  });

  test("cuts a line that does not end instead of keeping it in memory", async () => {
    const { lines } = await run(shell("head -c 20000 /dev/zero | tr '\\0' x"));
    assert.ok(lines.length >= 4 && lines.every((line) => line.length <= 4096));
    assert.equal(lines.join("").length, 20000);
  });
});

describe("a command that `hook check` asks", () => {
  function check(run: string[], environment: Record<string, string | undefined> = {}) {
    const image = parseImageName("stut/blog");
    assert.ok("name" in image);
    const parsed = command.schema(createFields({ environment, directory: folder })).parse({ run });
    const setting = { service: "blog", image: image.name, directory: folder, environment };
    return command.create(parsed, setting).check?.({ signal: new AbortController().signal });
  }

  test("is found from the config's directory, or by PATH, and is not started", async () => {
    writeFileSync(join(folder, "checked.sh"), "#!/bin/sh\ntouch started\n", { mode: 0o755 });
    const detail = `${join(folder, "checked.sh")} may be run`;
    assert.deepEqual(await check(["./checked.sh"]), { ok: true, detail });
    assert.deepEqual(await check(["checked.sh"], { PATH: `/nowhere:${folder}` }), { ok: true, detail });
    assert.equal(existsSync(join(folder, "started")), false);
  });

  test("is said to be missing, or not to be a program", async () => {
    const missing = await check(["./none.sh"]);
    assert.ok(missing?.ok === false && /none\.sh was not found from/.test(missing.problem));
    const nowhere = await check(["none"], { PATH: folder });
    assert.ok(nowhere?.ok === false && /^none was not found from/.test(nowhere.problem));
    writeFileSync(join(folder, "unmarked.sh"), "#!/bin/sh\n", { mode: 0o644 });
    for (const run of [["./unmarked.sh"], ["."], ["/"]]) {
      const result = await check(run, { PATH: folder });
      assert.ok(result?.ok === false && /may not be run: is it executable/.test(result.problem), run[0]);
    }
  });
});

describe("a deployment by command", () => {
  test("is stopped at its time limit and says so", async () => {
    const hook = await startHook(configOf({ blog: script("sleep 30", { timeout: "1s" }) }));
    await hook.push("v1");
    const { state, reason } = await hook.untilEnded(1);
    assert.deepEqual(
      [state, reason],
      ["failed", "/bin/sh did not end in time and was stopped (time limit 1 s)"],
    );
    await hook.stop();
  });

  test("keeps how an endless output begins and ends, without colours and control characters", async () => {
    const text =
      "printf '\\033[31mred\\033[0m\\a\\n'; yes 0123456789 | head -n 100000; echo what is wrong; exit 3";
    const hook = await startHook(configOf({ blog: script(text) }));
    await hook.push("v1");
    assert.equal((await hook.untilEnded(1)).state, "failed");
    const log = hook.logOf(1);
    assert.match(log, /^red$/m);
    assert.match(log, /^0123456789\n… [\d,]+ lines \([\d,]+ KiB\) are left out here: .*\n0123456789$/m);
    assert.match(log, /^what is wrong\n\/bin\/sh ended with status 3; its output is in the log$/m);
    assert.ok(log.length < 350_000);
    await hook.stop();
  });
});
