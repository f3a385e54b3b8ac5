import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, describe, test } from "node:test";
import { openDatabase, StoreError } from "../../../hook/store/database.ts";
import type { NewDeployment } from "../../../hook/store/deployment.ts";
import { schemaVersion } from "../../../hook/store/schema.ts";
import { openStore } from "../../../hook/store/store.ts";

const folder = mkdtempSync(join(tmpdir(), "statigo-store-"));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newFile = () => join(folder, `${files++}.db`);

function deployment(service: string, tag: string): NewDeployment {
  const image = `stut/${service}`;
  return {
    service,
    image,
    tag,
    digest: null,
    source: "test",
    target: "none",
    pushedAtMs: null,
    acceptedAtMs: 1,
  };
}

function tagOf(claimed: { tag: string } | undefined): string | undefined {
  return claimed?.tag;
}

describe("the store", () => {
  test("keeps what it accepted when it is opened again", () => {
    const file = newFile();
    const first = openStore(file);
    const [stored] = first.accept([deployment("blog", "v1")]);
    first.close();
    const second = openStore(file);
    assert.deepEqual(second.find(stored?.id ?? 0), stored);
    assert.equal(stored?.state, "waiting");
    second.close();
  });

  test("waits for the disk at every commit: WAL with synchronous = FULL (2)", () => {
    const database = openDatabase(newFile());
    assert.equal(database.prepare("PRAGMA journal_mode").get()?.["journal_mode"], "wal");
    assert.equal(database.prepare("PRAGMA synchronous").get()?.["synchronous"], 2);
    database.close();
  });

  test("has its schema's version from the start", () => {
    const file = newFile();
    openStore(file).close();
    const database = new DatabaseSync(file);
    assert.equal(database.prepare("PRAGMA user_version").get()?.["user_version"], schemaVersion);
    database.close();
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

  test("is one process's: a second one is told so", () => {
    const file = newFile();
    const first = openStore(file);
    assert.throws(
      () => openStore(file),
      (error) => error instanceof StoreError && /in use by another hook/.test(error.message),
    );
    first.close();
    openStore(file).close();
  });

  test("gives out the oldest waiting deployment of a service that is not busy", () => {
    const store = openStore(newFile());
    store.accept([deployment("blog", "v1"), deployment("blog", "v2"), deployment("site", "v3")]);
    assert.equal(tagOf(store.claimNext([], 1)), "v1");
    assert.equal(tagOf(store.claimNext(["blog"], 1)), "v3");
    assert.equal(tagOf(store.claimNext(["blog", "site"], 1)), undefined);
    assert.equal(tagOf(store.claimNext([], 1)), "v2");
    assert.equal(tagOf(store.claimNext([], 1)), undefined);
    store.close();
  });

  test("puts what is handed over back to its old place and counts the attempts", () => {
    const store = openStore(newFile());
    store.accept([deployment("blog", "v1"), deployment("blog", "v2")]);
    const claimed = store.claimNext([], 1);
    assert.deepEqual(store.listDeploying().map(tagOf), ["v1"]);
    store.handOver(claimed?.id ?? 0, "test");
    const again = store.claimNext([], 2);
    assert.deepEqual([again?.tag, again?.attempt], ["v1", 2]);
    store.close();
  });

  test("stores all triggers of a webhook or none", () => {
    const store = openStore(newFile());
    const broken = { ...deployment("blog", "v2"), tag: null } as unknown as NewDeployment;
    assert.throws(() => store.accept([deployment("blog", "v1"), broken]), /NOT NULL/);
    assert.deepEqual(store.list({ limit: 10 }), []);
    store.close();
  });

  test("pages backwards through the history, for all services and for one", () => {
    const store = openStore(newFile());
    for (let index = 1; index <= 5; index++)
      store.accept([deployment(index % 2 ? "blog" : "site", `v${index}`)]);
    assert.deepEqual(store.list({ limit: 2 }).map(tagOf), ["v5", "v4"]);
    assert.deepEqual(store.list({ limit: 2, before: 4 }).map(tagOf), ["v3", "v2"]);
    assert.deepEqual(store.list({ limit: 9, service: "blog" }).map(tagOf), ["v5", "v3", "v1"]);
    assert.deepEqual(store.list({ limit: 9, service: "none" }), []);
    store.close();
  });

  test("keeps a deployment's lines in their order", () => {
    const store = openStore(newFile());
    store.accept([deployment("blog", "v1"), deployment("blog", "v2")]);
    store.appendLog(1, [
      { atMs: 1, line: "a" },
      { atMs: 1, line: "b" },
    ]);
    store.appendLog(2, [{ atMs: 1, line: "other" }]);
    store.appendLog(1, [{ atMs: 1, line: "c" }]);
    assert.deepEqual(
      store.readLog(1).map(({ line }) => line),
      ["a", "b", "c"],
    );
    store.close();
  });

  test("finds its way by index, not by reading everything", () => {
    const file = newFile();
    openStore(file).close();
    const database = new DatabaseSync(file);
    const plan = (sql: string) => JSON.stringify(database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all());
    assert.match(
      plan("SELECT id FROM deployment WHERE state = 'waiting' AND service NOT IN ('a') ORDER BY id LIMIT 1"),
      /deployment_waiting/,
    );
    assert.match(
      plan(
        "SELECT service, state, count(*) FROM deployment WHERE state IN ('waiting', 'deploying') GROUP BY 1, 2",
      ),
      /deployment_open/,
    );
    assert.match(
      plan("SELECT * FROM deployment WHERE service = 'a' AND id < 9 ORDER BY id DESC LIMIT 3"),
      /deployment_by_service/,
    );
    database.close();
  });
});
