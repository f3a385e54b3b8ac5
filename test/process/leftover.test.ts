import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { isEnded } from "../../hook/store/deployment.ts";
import { openStore } from "../../hook/store/store.ts";
import {
  endGroup,
  findGroup,
  findMarkedGroups,
  type GroupIdentity,
  identifyGroup,
} from "../../hook/target/process-group.ts";
import { configOf, script, temporaryFolder, until } from "../support/hook.ts";
import { startHookProcess } from "../support/hook-process.ts";

const skip = existsSync("/proc/self/stat") ? false : "there is no /proc: needs Linux";

const groups: number[] = [];
after(() => {
  for (const group of groups) {
    try {
      process.kill(-group, "SIGKILL");
    } catch {
      // It is gone, as it should be.
    }
  }
});

/** A program as a command target starts it: the leader of a group of its own. */
function start(text: string, mark: string): { child: ChildProcess; identity: GroupIdentity } {
  const [name = "", value = ""] = mark.split("=");
  const child = spawn("/bin/sh", ["-c", text], { detached: true, stdio: "ignore", env: { [name]: value } });
  const { pid = 0 } = child;
  groups.push(pid);
  const identity = identifyGroup(pid);
  assert.ok(identity !== undefined);
  return { child, identity };
}

const mark = "STATIGO_DEPLOYMENT=4711";

describe("what a killed hook has left running", { skip }, () => {
  test("is found by its number and the time when it was started, and ended with all that it started", async () => {
    const { identity } = start("sleep 60 & sleep 60", mark);
    await until("both run", () => findGroup(identity, mark).length >= 2);
    await endGroup(identity.group);
    assert.deepEqual(findGroup(identity, mark), []);
  });

  test("is found by its mark alone, in whatever group, when nobody has written its number down", async () => {
    const run = `STATIGO_RUN=${process.pid}`;
    const { identity } = start("setsid sleep 60 & exec sleep 60", run);
    await until("both run", () => findMarkedGroups(run).length === 2);
    assert.ok(findMarkedGroups(run).includes(identity.group));
    await Promise.all(findMarkedGroups(run).map(endGroup));
    assert.deepEqual(findMarkedGroups(run), []);
  });

  test("is not another process that has got its number since", () => {
    const { identity } = start("exec sleep 60", mark);
    assert.deepEqual(findGroup({ ...identity, startTime: "1" }, mark), []);
    assert.deepEqual(findGroup({ ...identity, boot: "another-boot" }, mark), []);
    assert.deepEqual(findGroup(identity, mark), [identity.group]);
  });

  test("is known by its environment when its leader has ended", async () => {
    const { child, identity } = start("sleep 60 & sleep 0.3", mark);
    await new Promise((resolve) => child.once("exit", resolve));
    assert.equal(findGroup(identity, mark).length, 1);
    assert.deepEqual(findGroup(identity, "STATIGO_DEPLOYMENT=4712"), []);
    await endGroup(identity.group);
    assert.deepEqual(findGroup(identity, mark), []);
  });

  test("is nothing when it has ended", async () => {
    const { child, identity } = start("sleep 0.05", mark);
    await new Promise((resolve) => child.once("exit", resolve));
    assert.deepEqual(findGroup(identity, mark), []);
    assert.equal(identifyGroup(identity.group), undefined);
  });
});

describe("a hook that is killed with a program at work", { skip }, () => {
  test("is followed by one that ends the program before it starts another", async () => {
    const folder = temporaryFolder();
    const text = [
      // Nobody reads its output any more: a word of the shell's about its child would end it.
      "exec >/dev/null 2>&1",
      'echo "start $STATIGO_ATTEMPT" >> trace',
      '[ "$STATIGO_ATTEMPT" = 2 ] && exit 0',
      "trap 'echo cleaned >> trace; exit 0' TERM",
      "while :; do sleep 0.02; done",
    ].join("\n");
    const yaml = configOf({ blog: script(text) });
    const trace = () =>
      existsSync(join(folder, "trace")) ? readFileSync(join(folder, "trace"), "utf8") : "";
    const first = await startHookProcess(folder, yaml);
    await first.push("blog", "v1");
    const store = openStore(join(folder, "hook.db"));
    await until("it runs", () => trace() === "start 1\n" && store.find(1)?.note != null);
    first.child.kill("SIGKILL");
    await first.ended;
    const second = await startHookProcess(folder, yaml);
    try {
      await until("it has ended", () => isEnded(store.find(1) ?? { state: "deploying" }));
      const { state, attempt, note } = store.find(1) ?? {};
      assert.deepEqual([state, attempt, note], ["succeeded", 2, null]);
      assert.equal(trace(), "start 1\ncleaned\nstart 2\n");
      const log = store.readLog(1).map(({ line }) => line);
      assert.ok(
        log.some((line) => /^ending what an earlier hook has left running \(process group \d+/.test(line)),
      );
    } finally {
      second.child.kill("SIGKILL");
      await second.ended;
      store.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
