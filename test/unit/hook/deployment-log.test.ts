import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, mock, test } from "node:test";
import { createDeploymentLog, type DeploymentLog } from "../../../hook/deploy/deployment-log.ts";
import { openStore, type Store } from "../../../hook/store/store.ts";
import { newDeployment, takeAll } from "../../support/deployments.ts";

let folder: string;
let store: Store;
/** Of the last write, after which all are done: they are written in their order. */
let written: Promise<void>;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "statigo-log-"));
  store = openStore(join(folder, "hook.db"));
  await store.accept(takeAll, [newDeployment("blog", "v1")]);
  mock.timers.enable({ apis: ["setTimeout"] });
});
afterEach(() => {
  mock.timers.reset();
  store.close();
  rmSync(folder, { recursive: true });
});

function openLog(): DeploymentLog {
  return createDeploymentLog({
    after: store.lastLogSequence(1),
    write: (lines, cut) => {
      written = store.appendLog(1, lines, cut);
    },
  });
}

/** Of 1 KiB, as the limit counts them. */
function addLines(log: DeploymentLog, from: number, to: number): void {
  for (let number = from; number < to; number++) log.add(`${number} `.padEnd(1024 - 16, "x"));
}

const shown = () => store.readLog(1).map(({ line }) => line.replace(/ x+$/, ""));
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => String(from + at));
const notice = (lines: string) =>
  `… ${lines} are left out here: of a long log the first 64 KiB and the last 192 are kept`;

describe("a deployment's log", () => {
  test("is there whole as long as it is short, and before the deployment has ended", async () => {
    const log = openLog();
    addLines(log, 0, 100);
    mock.timers.tick(250);
    await written;
    assert.deepEqual(shown(), numbers(0, 100));
    addLines(log, 100, 300);
    log.close();
    await written;
    assert.deepEqual(shown(), numbers(0, 300));
  });

  for (const [how, pauseAfter] of [
    ["at once", Number.POSITIVE_INFINITY],
    ["little by little", 50],
    ["in parts that are longer than what is kept", 700],
  ] as const) {
    test(`that is long and comes ${how} keeps its beginning and its end, and says what is missing`, async () => {
      const log = openLog();
      for (let from = 0; from < 2000; from += pauseAfter) {
        addLines(log, from, Math.min(2000, from + pauseAfter));
        mock.timers.tick(2000);
      }
      log.close();
      await written;
      const [head, missing, tail] = [shown().slice(0, 64), shown()[64], shown().slice(65)];
      assert.deepEqual(head, numbers(0, 64));
      assert.deepEqual(tail, numbers(2000 - tail.length, 2000));
      assert.ok(tail.length >= 192 && tail.length <= 256, `${tail.length} lines`);
      const count = 2000 - 64 - tail.length;
      assert.equal(missing, notice(`${count.toLocaleString("en")} lines (${sizeOf(count)} KiB)`));
      const sequences = store.readLog(1).map(({ sequence }) => sequence);
      assert.deepEqual(sequences.slice(0, 65), numbers(1, 66).map(Number));
    });
  }

  test("is readable, with what came last, though its process is killed", async () => {
    const log = openLog();
    for (let from = 0; from < 1000; from += 100) {
      addLines(log, from, from + 100);
      mock.timers.tick(2000);
    }
    await written;
    assert.deepEqual(shown().slice(0, 64), numbers(0, 64));
    assert.match(shown()[64] ?? "", /^… \d+ lines/);
    assert.equal(shown().at(-1), "999");
  });

  test("of another try comes behind the first one's and leaves that alone", async () => {
    for (let attempt = 0; attempt < 2; attempt++) {
      const log = openLog();
      addLines(log, 0, 1000);
      log.close();
      await written;
    }
    const all = shown();
    const first = all.indexOf("999") + 1;
    assert.deepEqual(all.slice(first), all.slice(0, first));
    assert.equal(all.filter((line) => line.startsWith("…")).length, 2);
  });

  test("takes no single line that is as long as a log", async () => {
    const log = openLog();
    log.add("y".repeat(1_000_000));
    log.close();
    await written;
    assert.equal(shown()[0], `${"y".repeat(8192)}…`);
  });
});

/** Without what a row takes besides its text. */
function sizeOf(lines: number): string {
  return Math.ceil((lines * (1024 - 16)) / 1024).toLocaleString("en");
}
