import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createWriter, insist, type Writer } from "../../../hook/store/writer.ts";
import { temporaryFolder } from "../../support/hook.ts";

let folder: string;
let database: DatabaseSync;
let writer: Writer;
/** What was executed besides the works' own. */
let executed: string[];
beforeEach(() => {
  folder = temporaryFolder();
  database = new DatabaseSync(join(folder, "test.db"), { timeout: 0 });
  database.exec("PRAGMA journal_mode = WAL; CREATE TABLE entry (name TEXT NOT NULL UNIQUE) STRICT");
  executed = [];
  const exec = database.exec.bind(database);
  database.exec = (sql) => {
    executed.push(sql);
    exec(sql);
  };
  writer = createWriter(database);
});
afterEach(() => {
  if (database.isOpen) database.close();
  rmSync(folder, { recursive: true, force: true });
});

const insert = (name: string | null) => () =>
  database.prepare("INSERT INTO entry VALUES (?)").run(name as string).changes;
const names = () =>
  database
    .prepare("SELECT name FROM entry ORDER BY rowid")
    .all()
    .map(({ name }) => name);
const count = (sql: string) => executed.filter((other) => other === sql).length;

describe("the writer", () => {
  test("commits what is asked for within one turn of the event loop at once, in its order", async () => {
    await Promise.all(["a", "b", "c"].map((name) => writer.write(insert(name))));
    assert.deepEqual(names(), ["a", "b", "c"]);
    assert.equal(count("COMMIT"), 1);
    await writer.write(insert("d"));
    assert.equal(count("COMMIT"), 2);
  });

  test("keeps no promise before the commit", async () => {
    const done = writer.write(insert("a")).then(() => assert.equal(count("COMMIT"), 1));
    assert.equal(count("COMMIT"), 0);
    await done;
  });

  test("undoes a work that throws, and only that one", async () => {
    const results = await Promise.allSettled([
      writer.write(insert("a")),
      writer.write(() => {
        insert("b")();
        throw new Error("no");
      }),
      writer.write(insert(null)),
      writer.write(insert("c")),
    ]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ["fulfilled", "rejected", "rejected", "fulfilled"],
    );
    assert.deepEqual(names(), ["a", "c"]);
  });

  test("rejects all when the store is full, also what had gone well before, and writes again when it is not", async () => {
    database.exec("PRAGMA max_page_count = 4");
    const long = (letter: string) => insert(letter.repeat(3000));
    const results = await Promise.allSettled(
      ["a", "b", "c", "d", "e"].map((letter) => writer.write(long(letter))),
    );
    assert.ok(results.some(({ status }) => status === "rejected"));
    const stored = new Set(names());
    for (const [index, { status }] of results.entries()) {
      assert.equal(stored.has("abcde".charAt(index).repeat(3000)), status === "fulfilled");
    }
    database.exec("PRAGMA max_page_count = 1000000");
    await writer.write(long("f"));
    assert.ok(names().includes("f".repeat(3000)));
  });

  test("rejects what a store takes that can only be read, and writes again when it may", async () => {
    database.exec("PRAGMA query_only = 1");
    await assert.rejects(writer.write(insert("a")), { errcode: 8 });
    database.exec("PRAGMA query_only = 0");
    await writer.write(insert("b"));
    assert.deepEqual(names(), ["b"]);
  });

  test("waits for another process's commit without stopping the rest", async () => {
    const other = new DatabaseSync(join(folder, "test.db"));
    other.exec("BEGIN IMMEDIATE; INSERT INTO entry VALUES ('other')");
    const written = writer.write(insert("own"));
    let turns = 0;
    for (; turns < 10; turns++) await sleep(5);
    assert.equal(turns, 10);
    other.exec("COMMIT");
    other.close();
    await written;
    assert.deepEqual(names(), ["other", "own"]);
  });

  test("writes at its end what was asked for", async () => {
    const written = writer.write(insert("a"));
    writer.flush();
    assert.equal(count("COMMIT"), 1);
    await written;
  });
});

describe("insisting", () => {
  const unavailable = (errcode: number) => Object.assign(new Error("x"), { errcode });

  for (const [what, errcode] of [
    ["busy", 5],
    ["read-only", 8],
    ["a disk error", 266],
    ["full", 13],
  ] as const) {
    test(`tries again when the store is unavailable: ${what}`, async () => {
      let tries = 0;
      const result = await insist(
        async () => {
          if (++tries < 3) throw unavailable(errcode);
          return "written";
        },
        () => true,
      );
      assert.deepEqual([result, tries], ["written", 3]);
    });
  }

  test("passes on what another try does not mend, and ends with the store", async () => {
    const fail = (errcode: number) => async () => Promise.reject(unavailable(errcode));
    await assert.rejects(insist(fail(1299), () => true));
    await assert.rejects(insist(fail(13), () => false));
  });
});
