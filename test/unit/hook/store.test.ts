import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, describe, test } from "node:test";
import { selectBegun, selectLastSucceeded, selectOpen } from "../../../hook/store/acceptance.ts";
import type { NewDeployment } from "../../../hook/store/changes.ts";
import { openDatabase, StoreError } from "../../../hook/store/database.ts";
import { deleteOld } from "../../../hook/store/prune.ts";
import { schemaVersion } from "../../../hook/store/schema.ts";
import { openStore, type Store } from "../../../hook/store/store.ts";
import { newDeployment, takeAll } from "../../support/deployments.ts";

const folder = mkdtempSync(join(tmpdir(), "statigo-store-"));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newFile = () => join(folder, `${files++}.db`);

/** Asked for by a person, so that nothing supersedes it. */
function ask(store: Store, ...deployments: NewDeployment[]): Promise<unknown> {
  return store.write((changes) =>
    deployments.map((given) =>
      changes.insert({ ...given, cause: "deploy" }, { state: "waiting", reason: null, actor: "test" }),
    ),
  );
}

/** What the first released version had. */
const firstSchema = `
  CREATE TABLE deployment (id INTEGER PRIMARY KEY AUTOINCREMENT, service TEXT NOT NULL, image TEXT NOT NULL,
    tag TEXT NOT NULL, digest TEXT, source TEXT NOT NULL, target TEXT NOT NULL, state TEXT NOT NULL, reason TEXT,
    attempt INTEGER NOT NULL DEFAULT 0, pushed_at INTEGER, accepted_at INTEGER NOT NULL, started_at INTEGER,
    finished_at INTEGER) STRICT;
  CREATE INDEX deployment_by_service ON deployment (service, id);
  CREATE INDEX deployment_waiting ON deployment (id, service) WHERE state = 'waiting';
  CREATE INDEX deployment_open ON deployment (state, service) WHERE state IN ('waiting', 'deploying');
  CREATE TABLE log_line (deployment INTEGER NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    sequence INTEGER NOT NULL, at INTEGER NOT NULL, line TEXT NOT NULL, PRIMARY KEY (deployment, sequence)
  ) STRICT, WITHOUT ROWID;`;

const rules = { outsideWindow: [], nowMs: 1 };

function tagOf(claimed: { tag: string } | undefined): string | undefined {
  return claimed?.tag;
}

describe("the store", () => {
  test("keeps what it accepted when it is opened again", async () => {
    const file = newFile();
    const first = openStore(file);
    const [stored] = await first.accept(takeAll, [newDeployment("blog", "v1")]);
    first.close();
    const second = openStore(file);
    assert.deepEqual(second.find(1), stored?.deployment);
    assert.equal(stored?.deployment.state, "waiting");
    second.close();
  });

  test("waits for the disk at every commit: WAL with synchronous = FULL (2)", () => {
    const { database } = openDatabase(newFile());
    assert.equal(database.prepare("PRAGMA journal_mode").get()?.["journal_mode"], "wal");
    assert.equal(database.prepare("PRAGMA synchronous").get()?.["synchronous"], 2);
    database.close();
  });

  test("has its schema's version from the start, and a name of its own", () => {
    const file = newFile();
    const [one, other] = [openStore(file), openStore(newFile())];
    assert.notEqual(one.id, other.id);
    one.close();
    other.close();
    const database = new DatabaseSync(file);
    assert.equal(database.prepare("PRAGMA user_version").get()?.["user_version"], schemaVersion);
    database.close();
  });

  test("of the version before keeps what it had: what waits, what was deployed, and what succeeded last", () => {
    const file = newFile();
    const database = new DatabaseSync(file);
    database.exec(`${firstSchema} PRAGMA user_version = 1;
      INSERT INTO deployment (service, image, tag, source, target, state, attempt, accepted_at, started_at, finished_at)
      VALUES ('blog', 'stut/blog', 'v1', 'docker-hub', 'command', 'succeeded', 1, 10, 11, 12),
        ('blog', 'stut/blog', 'v2', 'docker-hub', 'command', 'failed', 1, 20, 21, 22),
        ('blog', 'stut/blog', 'v3', 'docker-hub', 'command', 'deploying', 1, 30, 31, NULL),
        ('blog', 'stut/blog', 'v4', 'docker-hub', 'command', 'waiting', 0, 40, NULL, NULL);
      INSERT INTO log_line VALUES (1, 1, 11, 'a line')`);
    database.close();
    const store = openStore(file);
    assert.deepEqual(
      store.list({ limit: 9 }).map(({ tag, state, waitingFor, cause }) => [tag, state, waitingFor, cause]),
      [
        ["v4", "waiting", "turn", "webhook"],
        ["v3", "deploying", null, "webhook"],
        ["v2", "failed", null, "webhook"],
        ["v1", "succeeded", null, "webhook"],
      ],
    );
    assert.equal(store.lastSucceeded("blog")?.tag, "v1");
    assert.deepEqual(
      store.listTransitions(1).map(({ state, atMs }) => [state, atMs]),
      [
        ["accepted", 10],
        ["succeeded", 12],
      ],
    );
    assert.deepEqual({ ...store.readLog(1)[0] }, { sequence: 1, atMs: 11, line: "a line" });
    assert.deepEqual(
      store.listHeld().map(({ holder }) => store.isHolderAlive(holder)),
      [false],
    );
    store.close();
  });

  test("of a newer program is refused, with the versions", () => {
    const file = newFile();
    const database = new DatabaseSync(file);
    database.exec("PRAGMA user_version = 99");
    database.close();
    assert.throws(() => openStore(file), /schema version 99, this program knows \d+: use the newer program/);
  });

  test("of another kind of file is refused", () => {
    const file = newFile();
    writeFileSync(
      file,
      "this is not a database, it is a text that is long enough to be seen as one".repeat(20),
    );
    assert.throws(() => openStore(file), /is not an SQLite file/);
  });

  test("in a directory that does not exist is refused", () => {
    assert.throws(() => openStore(join(folder, "none", "hook.db")), /does its directory exist/);
  });

  test("that another program keeps to itself is refused", () => {
    const file = newFile();
    openStore(file).close();
    const other = new DatabaseSync(file);
    other.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT");
    assert.throws(
      () => openStore(file, { openTimeoutMs: 10 }),
      (error) => error instanceof StoreError && /kept locked by another program/.test(error.message),
    );
    other.close();
    openStore(file).close();
  });

  test("gives out the oldest waiting deployment of a service that is not busy", async () => {
    const store = openStore(newFile());
    await ask(store, newDeployment("blog", "v1"), newDeployment("blog", "v2"), newDeployment("site", "v3"));
    const first = await store.claimNext(rules);
    assert.equal(tagOf(first), "v1");
    assert.equal(tagOf(await store.claimNext(rules)), "v3");
    assert.equal(tagOf(await store.claimNext(rules)), undefined);
    assert.equal(store.hasNext(rules), false);
    await store.transition(first?.id ?? 0, "succeeded", { reason: null, actor: "hook" });
    assert.equal(store.hasNext(rules), true);
    assert.equal(tagOf(await store.claimNext(rules)), "v2");
    store.close();
  });

  test("puts what is handed over back to its old place, counts the attempts and knows where to go on", async () => {
    const store = openStore(newFile());
    await ask(store, newDeployment("blog", "v1"), newDeployment("blog", "v2"));
    const claimed = await store.claimNext(rules);
    assert.deepEqual(
      store.listHeld().map(({ tag, holder }) => [tag, holder]),
      [["v1", store.holder]],
    );
    await store.transition(1, "verifying", { reason: null, actor: "hook" });
    await store.handOver(claimed?.id ?? 0, "verifying", "test");
    const again = await store.claimNext(rules);
    assert.deepEqual(
      [again?.tag, again?.attempt, again?.state, again?.interruptedIn],
      ["v1", 2, "verifying", "verifying"],
    );
    const after = await store.transition(1, "succeeded", { reason: null, actor: "hook" });
    assert.equal(after.interruptedIn, null);
    store.close();
  });

  test("stores all triggers of a webhook or none", async () => {
    const store = openStore(newFile());
    const broken = { ...newDeployment("blog", "v2"), tag: null } as unknown as NewDeployment;
    await assert.rejects(store.accept(takeAll, [newDeployment("blog", "v1"), broken]), /NOT NULL/);
    assert.deepEqual(store.list({ limit: 10 }), []);
    store.close();
  });

  test("pages backwards through the history, for all services and for some", async () => {
    const store = openStore(newFile());
    for (let index = 1; index <= 5; index++)
      await ask(store, newDeployment(index % 2 ? "blog" : "site", `v${index}`));
    await store.claimNext(rules);
    const list = (page: Omit<Parameters<Store["list"]>[0], "limit">, limit = 9) =>
      store.list({ ...page, limit }).map(tagOf);
    assert.deepEqual(list({}, 2), ["v5", "v4"]);
    assert.deepEqual(list({ before: 4 }, 2), ["v3", "v2"]);
    assert.deepEqual(list({ services: ["blog"] }), ["v5", "v3", "v1"]);
    assert.deepEqual(list({ services: ["blog", "site"] }, 4), ["v5", "v4", "v3", "v2"]);
    assert.deepEqual(list({ services: ["none"] }), []);
    assert.deepEqual(list({ services: [] }), []);
    assert.deepEqual(list({ state: "deploying" }), ["v1"]);
    assert.deepEqual(list({ services: ["blog"], state: "waiting" }), ["v5", "v3"]);
    store.close();
  });

  test("keeps a deployment's lines in their order", async () => {
    const store = openStore(newFile());
    await ask(store, newDeployment("blog", "v1"), newDeployment("blog", "v2"));
    await store.appendLog(1, [
      { atMs: 1, line: "a" },
      { atMs: 1, line: "b" },
    ]);
    await store.appendLog(2, [{ atMs: 1, line: "other" }]);
    await store.appendLog(1, [{ atMs: 1, line: "c" }]);
    const lines = (after?: number, limit?: number) => store.readLog(1, after, limit).map(({ line }) => line);
    assert.deepEqual(lines(), ["a", "b", "c"]);
    assert.deepEqual(lines(1), ["b", "c"]);
    assert.deepEqual(lines(1, 1), ["b"]);
    store.close();
  });

  test("has a row for each step, in one order over all services, and tells them after the commit", async () => {
    const store = openStore(newFile());
    const told: string[] = [];
    const stop = store.onTransition(({ id, state }) => {
      assert.equal(store.transitionsAfter(id - 1, 1)[0]?.state, state);
      told.push(state);
    });
    await store.accept(takeAll, [newDeployment("blog", "v1")]);
    await store.claimNext(rules);
    await store.transition(1, "failed", { reason: "no", actor: "hook" });
    stop();
    await store.accept(takeAll, [newDeployment("site", "v1")]);
    const steps = store.listTransitions(1).map(({ state, reason, actor }) => [state, reason, actor]);
    assert.deepEqual(steps, [
      ["accepted", null, "webhook"],
      ["waiting", null, "webhook"],
      ["deploying", null, "hook"],
      ["failed", "no", "hook"],
    ]);
    assert.deepEqual(
      told,
      steps.map(([state]) => state),
    );
    assert.deepEqual(
      store.transitionsAfter(4, 9).map(({ service }) => service),
      ["site", "site"],
    );
    assert.equal(store.lastTransitionId(), 6);
    store.close();
  });

  test("lets nothing come after an end", async () => {
    const store = openStore(newFile());
    await ask(store, newDeployment("blog", "v1"));
    await store.transition(1, "cancelled", { reason: null, actor: "test" });
    await assert.rejects(
      store.transition(1, "deploying", { reason: null, actor: "hook" }),
      /deployment 1 cannot become deploying/,
    );
    assert.equal(store.find(1)?.state, "cancelled");
    store.close();
  });

  test("knows what succeeded last by the order of the ends, not by ids or a clock", async () => {
    const store = openStore(newFile());
    await ask(store, newDeployment("blog", "v1"), newDeployment("blog", "v2"));
    const change = { reason: null, actor: "test" };
    await store.transition(2, "succeeded", change);
    await store.transition(1, "succeeded", change);
    assert.equal(tagOf(store.lastSucceeded("blog")), "v1");
    await ask(store, newDeployment("blog", "v3"));
    assert.equal((await store.claimNext(rules))?.replaces, 1);
    assert.equal(tagOf(store.lastSucceeded("blog", 3)), "v1");
    assert.equal(tagOf(store.lastSucceededTag("blog", "v2")), "v2");
    store.close();
  });

  test("knows what is under way, also between two tries, and what runs before what waits", async () => {
    const store = openStore(newFile());
    await ask(store, newDeployment("blog", "v1"), newDeployment("blog", "v2"));
    assert.equal(store.underWay("blog"), undefined);
    await store.claimNext(rules);
    await store.transition(1, "rolling-back", { reason: null, actor: "hook" });
    assert.equal(tagOf(store.underWay("blog")), "v1");
    const notBeforeMs = rules.nowMs + 1000;
    await store.transition(1, "waiting", { reason: null, actor: "hook", waitingFor: "retry", notBeforeMs });
    assert.equal(tagOf(store.underWay("blog")), "v1");
    await store.claimNext(rules);
    assert.equal(tagOf(store.underWay("blog")), "v2");
    await store.transition(2, "failed", { reason: null, actor: "hook" });
    await store.transition(1, "failed", { reason: null, actor: "hook" });
    assert.equal(store.underWay("blog"), undefined);
    store.close();
  });

  test("finds its way by index, not by reading everything", () => {
    const file = newFile();
    openStore(file).close();
    const database = new DatabaseSync(file);
    const plan = (sql: string) => JSON.stringify(database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all());
    const queries: [sql: string, index: RegExp][] = [
      ["SELECT * FROM deployment WHERE state = 'waiting' ORDER BY id LIMIT 1", /deployment_by_state/],
      [
        "SELECT * FROM deployment WHERE service = 'a' AND id < 9 ORDER BY id DESC LIMIT 3",
        /deployment_by_service/,
      ],
      [
        "SELECT * FROM deployment WHERE service = 'a' AND state = 'failed' ORDER BY id DESC LIMIT 3",
        /by_service_and_state/,
      ],
      [
        "SELECT * FROM deployment WHERE service = 'a' AND tag = 'b' ORDER BY id DESC LIMIT 5",
        /deployment_by_tag/,
      ],
      [
        "SELECT * FROM deployment WHERE service = 'a' AND delivery_id = 'b' AND tag = 'c'",
        /deployment_by_(?:delivery|tag)/,
      ],
      [
        "SELECT * FROM deployment WHERE service = 'a' AND state = 'succeeded' ORDER BY ended_order DESC LIMIT 1",
        /deployment_succeeded/,
      ],
      [selectOpen, /deployment_by_service_and_state/],
      [selectBegun, /deployment_by_service_and_state/],
      [selectLastSucceeded, /deployment_succeeded/],
      [deleteOld, /SEARCH old USING INTEGER PRIMARY KEY/],
      ["SELECT * FROM transition WHERE deployment = 1 ORDER BY id", /transition_by_deployment/],
      ["SELECT * FROM audit WHERE service = 'a' AND id < 9 ORDER BY id DESC", /audit_by_service/],
      ["SELECT id FROM outbox WHERE state = 'pending' AND due_at <= 1", /outbox_pending/],
      [
        "SELECT 1 FROM outbox WHERE state = 'pending' AND notifier = 'a' AND service = 'b' AND id < 9",
        /outbox_in_order/,
      ],
      [
        `SELECT state FROM deployment WHERE service = 'a' AND state IN ('succeeded', 'failed', 'rolled-back')
           AND id <> 9 ORDER BY ended_order DESC LIMIT 1`,
        /deployment_tried/,
      ],
    ];
    for (const [sql, index] of queries) {
      assert.match(plan(sql), index, sql);
      assert.doesNotMatch(plan(sql), /SCAN (?!outbox USING INDEX)|TEMP B-TREE/, sql);
    }
    database.close();
  });

  test("leaves nothing beside its file when it is closed", async () => {
    const file = newFile();
    const store = openStore(file);
    await ask(store, newDeployment("blog", "v1"));
    store.close();
    store.close();
    const name = file.slice(folder.length + 1);
    assert.deepEqual(
      readdirSync(folder).filter((other) => other.startsWith(name)),
      [name],
    );
  });
});
