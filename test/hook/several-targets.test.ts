import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { checkParts } from "../../hook/check.ts";
import { parseConfig } from "../../hook/config/load.ts";
import { combineTargets, type TargetOrder } from "../../hook/deploy/several-targets.ts";
import type { Deployment } from "../../hook/store/deployment.ts";
import type { Outcome, Release, Target } from "../../hook/target/target.ts";
import { startedDeployment } from "../support/deployments.ts";
import { configOf, readConfig, startHook } from "../support/hook.ts";

const refused: Outcome = { kind: "failed", reason: "it said no", engine: "unchanged" };
const away: Outcome = { ...refused, reason: "it is away", isTemporary: true };
const unclear: Outcome = { kind: "failed", reason: "no answer", engine: "unknown" };
const wentBack: Outcome = { kind: "rolled-back", reason: "sick" };

interface Fake {
  target: Target;
  /** What it has. */
  has: string;
}

/** Keeps a tag; what comes of a deployment of `v2` may be told. */
function fake(name: string, calls: string[], outcome?: Outcome, more: Partial<Target> = {}): Fake {
  const state = { has: "v1" };
  const take = (tag: string): Outcome => {
    calls.push(`${name} ${tag}`);
    if (tag === "v2" && outcome !== undefined) return outcome;
    state.has = tag;
    return { kind: "succeeded", summary: `has ${tag}`, isConverged: true };
  };
  const target: Target = {
    name,
    timeoutMs: 1_000,
    deploy: async ({ tag }) => take(tag),
    current: async (): Promise<Release> => ({ tag: state.has, digest: null }),
    ...more,
  };
  return {
    target,
    get has() {
      return state.has;
    },
  };
}

interface Ran {
  outcome: Outcome;
  lines: string[];
  notes: (string | undefined)[];
}

async function run(target: Target, deployment: Partial<Deployment> = {}): Promise<Ran> {
  const lines: string[] = [];
  const notes: (string | undefined)[] = [];
  const outcome = await target.deploy(startedDeployment({ tag: "v2", ...deployment }), {
    log: (line) => void lines.push(line),
    signal: new AbortController().signal,
    deadline: new Date(Date.now() + 60_000),
    remember: async (note) => void notes.push(note),
  });
  return { outcome, lines, notes };
}

describe("several targets", () => {
  for (const order of ["in-order", "at-once"] satisfies TargetOrder[]) {
    test(`have the release when each has it: ${order}`, async () => {
      const calls: string[] = [];
      const [a, b] = [fake("a", calls), fake("b", calls)];
      const { outcome } = await run(combineTargets([a.target, b.target], order));
      assert.deepEqual(outcome, { kind: "succeeded", summary: "a: has v2; b: has v2", isConverged: true });
      assert.deepEqual([calls, a.has, b.has], [["a v2", "b v2"], "v2", "v2"]);
    });

    test(`when one refuses, what has it is put back, and the log says which: ${order}`, async () => {
      const calls: string[] = [];
      const [a, b] = [fake("a", calls), fake("b", calls, refused)];
      const { outcome, lines } = await run(combineTargets([a.target, b.target], order));
      assert.deepEqual(outcome, { kind: "rolled-back", reason: "b: it said no; a has v1 again" });
      assert.equal(a.has, "v1");
      assert.ok(lines.includes("b: it said no") && lines.includes("a: going back to v1"), lines.join("\n"));
    });
  }

  test("in order, nothing after a failure is begun, and at once everything is", async () => {
    for (const [order, expected] of [
      ["in-order", ["a v2"]],
      ["at-once", ["a v2", "b v2", "b v1"]],
    ] as const) {
      const calls: string[] = [];
      const [a, b] = [fake("a", calls, refused), fake("b", calls)];
      await run(combineTargets([a.target, b.target], order));
      assert.deepEqual(calls, expected);
    }
  });

  const endings: [string, Outcome, Outcome][] = [
    [
      "away: worth another try of all",
      away,
      { kind: "failed", reason: "b: it is away; a has v1 again", isTemporary: true, engine: "unchanged" },
    ],
    [
      "no answer: put back as well",
      unclear,
      { kind: "rolled-back", reason: "b: no answer; b has v1 again; a has v1 again" },
    ],
    ["gone back by itself", wentBack, { kind: "rolled-back", reason: "b: sick; a has v1 again" }],
  ];
  for (const [title, failure, expected] of endings) {
    test(`the second one is ${title}`, async () => {
      const calls: string[] = [];
      const { outcome } = await run(
        combineTargets([fake("a", calls).target, fake("b", calls, failure).target], "in-order"),
      );
      assert.deepEqual(outcome, expected);
    });
  }

  test("the first one refuses: nothing has changed", async () => {
    const calls: string[] = [];
    const { outcome } = await run(
      combineTargets([fake("a", calls, refused).target, fake("b", calls).target], "in-order"),
    );
    assert.deepEqual(outcome, {
      kind: "failed",
      reason: "a: it said no",
      isTemporary: false,
      engine: "unchanged",
    });
  });

  test("what one had is not known: the history has to say what to go back to", async () => {
    const calls: string[] = [];
    const a = fake("a", calls);
    delete a.target.current;
    const { outcome } = await run(combineTargets([a.target, fake("b", calls, refused).target], "in-order"));
    assert.deepEqual(outcome, { kind: "failed", reason: "b: it said no", engine: "changed" });
  });

  test("a process that takes over goes back to what there was before the first one began", async () => {
    const calls: string[] = [];
    const [a, b] = [fake("a", calls), fake("b", calls, refused)];
    const target = combineTargets([a.target, b.target], "in-order");
    const first = await run(combineTargets([a.target, fake("b", calls).target], "in-order"));
    assert.equal(a.has, "v2");
    const [note] = first.notes;
    assert.equal(first.notes.at(-1), undefined);
    const { outcome } = await run(target, { note: note ?? null, attempt: 2 });
    assert.equal(outcome.kind, "rolled-back");
    assert.equal(a.has, "v1");
  });

  test("each is told what it wanted to know again", async () => {
    const calls: string[] = [];
    const recovered: string[] = [];
    const withNote = (name: string) =>
      fake(name, calls, undefined, {
        deploy: async (_, context) => {
          await context.remember(`note of ${name}`);
          return refused;
        },
        recover: async (note) => void recovered.push(note),
      }).target;
    const target = combineTargets([withNote("a"), withNote("b")], "at-once");
    const { notes } = await run(target);
    const context = {
      log: () => {},
      signal: new AbortController().signal,
      deadline: new Date(),
      remember: async () => {},
    };
    await target.recover?.(notes.findLast((note) => note !== undefined) ?? "", startedDeployment(), context);
    assert.deepEqual(recovered, ["note of a", "note of b"]);
  });

  test("two of a kind are told apart by their place", async () => {
    const calls: string[] = [];
    const { lines } = await run(
      combineTargets([fake("a", calls).target, fake("a", calls).target], "in-order"),
    );
    assert.deepEqual(lines, ["a 1: has v2", "a 2: has v2"]);
  });
});

const write = (file: string, more = "") => ({
  command: { run: ["/bin/sh", "-c", `echo $STATIGO_TAG >> ${file}; ${more}`] },
});

describe("a service with several targets", () => {
  test("deploys to each, and back to the last good release when one fails", async () => {
    const targets = [write("a.txt"), write("b.txt", '[ "$STATIGO_TAG" != bad ]')];
    const hook = await startHook(configOf({ blog: JSON.stringify(targets) }));
    try {
      await hook.push("v1");
      const good = await hook.untilEnded(1);
      assert.deepEqual([good.state, good.target], ["succeeded", "command+command"]);
      await hook.push("bad");
      const bad = await hook.untilEnded(2);
      assert.equal(bad.state, "rolled-back", bad.reason ?? "");
      assert.match(bad.reason ?? "", /command 2: \/bin\/sh ended with status 1.*rolled back to v1/);
      const text = (file: string) => readFileSync(join(hook.folder, file), "utf8").trim().split("\n");
      assert.deepEqual(
        [text("a.txt"), text("b.txt")],
        [
          ["v1", "bad", "v1"],
          ["v1", "bad", "v1"],
        ],
      );
      assert.match(hook.logOf(2), /^command 2: .*status 1/m);
    } finally {
      await hook.stop();
    }
  });

  test("`hook check` asks each", async () => {
    const good = { command: { run: ["/bin/true"] } };
    const config = readConfig(
      configOf({ blog: JSON.stringify({ all: [good, { command: { run: ["./no-such"] } }] }) }),
      "/tmp",
    );
    const parts = (await checkParts(config)).filter(({ part }) => part.startsWith("services.blog"));
    assert.deepEqual(
      parts.map(({ part, ok }) => [part, ok]),
      [
        ["services.blog: command", true],
        ["services.blog: command", false],
      ],
    );
    assert.ok(!existsSync("/tmp/hook.db"));
  });

  const problems: [string, string, RegExp][] = [
    ["a list of one", '[{ command: { run: ["x"] } }]', /services\.blog\.target: needs two targets or more/],
    [
      "a wrong key in the second",
      '[{ command: { run: ["x"] } }, { command: { rum: ["x"] } }]',
      /services\.blog\.target\.1\.command\.rum: unknown key; did you mean `run`\?/,
    ],
    [
      "a wrong target at once",
      '{ all: [{ command: { run: ["x"] } }, { comand: {} }] }',
      /services\.blog\.target\.all\.1\.comand: unknown key; did you mean `command`\?/,
    ],
    [
      "something beside `all`",
      '{ all: [{ command: { run: ["x"] } }, { command: { run: ["x"] } }], docker: {} }',
      /services\.blog\.target\.docker: unknown key/,
    ],
    [
      "nothing in a list's entry",
      '[{ command: { run: ["x"] } }, {}]',
      /services\.blog\.target\.1: must have exactly one of/,
    ],
    ["a wrong type", "5", /services\.blog\.target: expected object/],
  ];
  for (const [title, target, expected] of problems) {
    test(`is told where its config is wrong: ${title}`, () => {
      const result = parseConfig(configOf({ blog: target }), "hook.yaml", {});
      assert.match("problems" in result ? result.problems.join("\n") : "good", expected);
    });
  }
});
