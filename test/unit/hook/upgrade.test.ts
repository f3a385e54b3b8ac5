/** Stores of earlier programs, of later ones, and such as are damaged. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, describe, test } from "node:test";
import { checkParts } from "../../../hook/check.ts";
import { parseConfig } from "../../../hook/config/load.ts";
import { otherNames } from "../../../hook/config/other-names.ts";
import { StoreError } from "../../../hook/store/database.ts";
import { schemaVersion } from "../../../hook/store/schema.ts";
import { openStore } from "../../../hook/store/store.ts";
import { newDeployment, takeAll } from "../../support/deployments.ts";

const folder = mkdtempSync(join(tmpdir(), "statigo-upgrade-"));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newFile = () => join(folder, `${files++}.db`);

const schemas = new URL("../../support/schemas/", import.meta.url);

/** A store as an earlier program left it. */
function storeOf(version: number): string {
  const file = newFile();
  const database = new DatabaseSync(file);
  database.exec("PRAGMA journal_mode = WAL");
  database.exec(readFileSync(new URL(`v${version}.sql`, schemas), "utf8"));
  database.close();
  return file;
}

function read(file: string, sql: string): unknown[] {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    return database
      .prepare(sql)
      .all()
      .map((row) => Object.values(row).join(" "));
  } finally {
    database.close();
  }
}

/** The one before this program's. */
const latest = schemaVersion - 1;
const versionOf = (file: string) => Number(read(file, "PRAGMA user_version")[0]);
const tagsOf = (file: string) => read(file, "SELECT tag, state FROM deployment ORDER BY id");
const tags = ["v1 succeeded", "v2 failed", "v3 deploying", "v4 waiting"];

describe("a store of an earlier schema", () => {
  test("is there for every version before this one", () => {
    const names = Array.from({ length: schemaVersion - 1 }, (_, index) => `v${index + 1}.sql`);
    assert.deepEqual(readdirSync(schemas).sort(), names);
  });

  for (let version = 1; version < schemaVersion; version++) {
    test(`is brought from version ${version} to this one with all that it has, after a backup of it was made`, async () => {
      const file = storeOf(version);
      const store = openStore(file);
      const backup = `${file}.v${version}.backup`;
      assert.deepEqual(store.migration, { from: version, to: schemaVersion, backup });
      assert.deepEqual(
        store
          .list({ limit: 9 })
          .map(({ tag, state }) => `${tag} ${state}`)
          .reverse(),
        tags,
      );
      assert.equal(store.lastSucceeded("blog")?.tag, "v1");
      assert.equal(store.readLog(1)[0]?.line, "a line");
      assert.equal(store.listTransitions(1).at(-1)?.state, "succeeded");
      assert.deepEqual(
        store.listHeld().map(({ id }) => id),
        [3],
      );
      if (version > 1) assert.equal(store.serviceState("shop").pausedBy, "ann");
      const [taken] = await store.accept(takeAll, [newDeployment("blog", "v5")]);
      assert.equal(taken?.deployment.id, 5);
      store.close();
      assert.deepEqual([versionOf(backup), versionOf(file)], [version, schemaVersion]);
      assert.deepEqual(tagsOf(backup), tags);
      assert.deepEqual(read(file, "PRAGMA foreign_key_check"), []);
    });
  }

  test("is what it was when bringing it forward was interrupted by a kill, and is brought forward by the next start", () => {
    const file = storeOf(2);
    const program = `
      const { DatabaseSync } = require("node:sqlite");
      const database = new DatabaseSync(process.argv[1]);
      database.exec("BEGIN IMMEDIATE; CREATE TABLE callback (deployment INTEGER); PRAGMA user_version = 3");
      process.kill(process.pid, "SIGKILL");`;
    assert.equal(spawnSync(process.execPath, ["-e", program, file]).signal, "SIGKILL");
    assert.equal(versionOf(file), 2);
    const store = openStore(file);
    assert.equal(store.migration?.from, 2);
    store.close();
    assert.deepEqual(tagsOf(file), tags);
  });

  test("is left as it was when a step fails, and the backup stays", () => {
    const file = storeOf(latest);
    const database = new DatabaseSync(file);
    database.exec("ALTER TABLE deployment ADD COLUMN left_engine TEXT");
    database.close();
    assert.throws(() => openStore(file), /duplicate column name/);
    assert.deepEqual([versionOf(file), tagsOf(file)], [latest, tags]);
    assert.ok(existsSync(`${file}.v${latest}.backup`));
  });

  test("is left as it was when its backup cannot be made, and says so", () => {
    const file = storeOf(3);
    mkdirSync(`${file}.v3.backup`);
    assert.throws(
      () => openStore(file),
      /its backup .*\.v3\.backup could not be made .*: nothing was changed/,
    );
    assert.equal(versionOf(file), 3);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith(`${basename(file)}.v3.backup-`)),
      [],
    );
  });

  test("leaves no backup where there was nothing, or nothing to do", () => {
    const file = newFile();
    const first = openStore(file);
    assert.deepEqual(first.migration, { from: 0, to: schemaVersion, backup: undefined });
    first.close();
    const second = openStore(file);
    assert.equal(second.migration, undefined);
    second.close();
    assert.ok(!readdirSync(folder).some((name) => name.startsWith(`${basename(file)}.v`)));
  });
});

test("a store of a newer program is refused, with the way back where that program has left one", () => {
  const file = storeOf(3);
  openStore(file).close();
  const backup = `${file}.v${schemaVersion}.backup`;
  const database = new DatabaseSync(file);
  database.exec("PRAGMA user_version = 99");
  database.close();
  const refusal = `has schema version 99, this program knows ${schemaVersion}: use the newer program`;
  assert.throws(() => openStore(file), new RegExp(`${refusal}$`));
  writeFileSync(backup, "");
  assert.throws(
    () => openStore(file),
    new RegExp(`${refusal}, or put .*\\.v${schemaVersion}\\.backup in its place`),
  );
  assert.equal(versionOf(file), 99);
});

describe("a damaged store", () => {
  /** With enough in it that there is a middle. */
  async function filled(): Promise<string> {
    const file = newFile();
    const store = openStore(file);
    for (let index = 0; index < 40; index++) {
      const [{ deployment } = assert.fail()] = await store.accept(takeAll, [
        newDeployment(`s${index}`, "v1"),
      ]);
      await store.appendLog(deployment.id, [{ atMs: 1, line: "x".repeat(2000) }]);
    }
    store.close();
    return file;
  }

  function overwrite(file: string, at: number): void {
    const descriptor = openSync(file, "r+");
    writeSync(descriptor, Buffer.alloc(4096, 0xa5), 0, 4096, at);
    closeSync(descriptor);
  }

  const damages: [what: string, damage: (file: string, sizeBytes: number) => void][] = [
    ["that lost its end", (file, sizeBytes) => truncateSync(file, sizeBytes - 8192)],
    [
      "of which half is left, within a page",
      (file, sizeBytes) => truncateSync(file, Math.floor(sizeBytes / 2) + 100),
    ],
    [
      "with a page of something else in its middle",
      (file, sizeBytes) => overwrite(file, Math.floor(sizeBytes / 8192) * 4096),
    ],
    ["whose first table is overwritten", (file) => overwrite(file, 4096)],
  ];
  for (const [what, damage] of damages) {
    test(`${what} is not opened, says what to do, and is not changed`, async () => {
      const file = await filled();
      damage(file, statSync(file).size);
      const before = readFileSync(file);
      assert.throws(
        () => openStore(file),
        (error: Error) =>
          error instanceof StoreError &&
          / is damaged \(.+\): stop every hook on it and keep a copy; then put a backup in its place/.test(
            error.message,
          ),
      );
      assert.deepEqual(readFileSync(file), before);
    });
  }

  test("that is older is not brought forward either", () => {
    const file = storeOf(2);
    truncateSync(file, statSync(file).size - 4096);
    assert.throws(() => openStore(file), /is damaged/);
    assert.ok(!existsSync(`${file}.v2.backup`));
  });

  test("of which nothing is left begins anew, and is said to be new", () => {
    const file = newFile();
    writeFileSync(file, "");
    const store = openStore(file);
    assert.equal(store.migration?.from, 0);
    store.close();
  });
});

describe("a store that `hook check` looks into", () => {
  async function check(file: string): Promise<string> {
    const yaml = `store: ${file}\nservices: { blog: { image: stut/blog, secret: blog-secret-0123456789, target: { command: { run: ["true"] } } } }`;
    const result = parseConfig(yaml, join(folder, "hook.yaml"), {});
    if ("problems" in result) throw new Error(result.problems.join("\n"));
    const [store] = await checkParts(result.config);
    return `${store?.ok} ${store?.detail}`;
  }

  function errorOf(file: string): string {
    try {
      openStore(file).close();
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error(`${file} was opened`);
  }

  /** Names and contents of what is at a store and beside it. */
  const contentOf = (file: string) =>
    readdirSync(folder)
      .filter((name) => name.startsWith(basename(file)))
      .map((name) => [
        name,
        statSync(join(folder, name)).isFile() && readFileSync(join(folder, name), "hex"),
      ]);

  const bad: [what: string, make: () => string][] = [
    [
      "a folder",
      () => {
        const file = newFile();
        mkdirSync(file);
        return file;
      },
    ],
    [
      "a text",
      () => {
        const file = newFile();
        writeFileSync(file, "listen: 127.0.0.1:4500\n".repeat(100));
        return file;
      },
    ],
    [
      "of a newer program",
      () => {
        const file = storeOf(latest);
        const database = new DatabaseSync(file);
        database.exec("PRAGMA user_version = 99");
        database.close();
        return file;
      },
    ],
    [
      "damaged",
      () => {
        const file = storeOf(latest);
        truncateSync(file, statSync(file).size - 4096);
        return file;
      },
    ],
  ];
  for (const [what, make] of bad) {
    test(`and that is ${what} is refused in the words of the start`, async () => {
      const file = make();
      const before = contentOf(file);
      const found = await check(file);
      assert.deepEqual(contentOf(file), before);
      assert.equal(found, `false ${errorOf(file)}`);
    });
  }

  test("and that is older will be brought forward, but not by that", async () => {
    const file = storeOf(latest);
    const before = contentOf(file);
    const words = `has schema version ${latest}, and is brought to ${schemaVersion} by the start`;
    assert.equal(await check(file), `true ${file} ${words}; a backup stays as ${file}.v${latest}.backup`);
    assert.deepEqual(contentOf(file), before);
  });

  test("and that is not there, empty, or good is fine and stays as it is", async () => {
    const file = newFile();
    assert.equal(await check(file), `true ${file} can be made`);
    assert.ok(!existsSync(file));
    writeFileSync(file, "");
    assert.match(await check(file), /^true .* has nothing in it/);
    openStore(file).close();
    const before = contentOf(file);
    assert.equal(await check(file), `true ${file} can be opened`);
    assert.deepEqual(contentOf(file), before);
  });

  test("is seen as it is while a hook is at work on it, whose last changes are in its log only", async () => {
    const file = storeOf(latest);
    const store = openStore(file);
    assert.equal(await check(file), `true ${file} can be opened`);
    store.close();
  });
});

describe("a config of another time, or of somebody who comes from another program", () => {
  for (const [where, name] of Object.entries(otherNames)) {
    test(`with ${where} is told that it is called ${name}`, () => {
      const [kind = "", key = ""] = where.split(".");
      const yaml = `store: ./hook.db\nservices:\n  blog:\n    image: stut/blog\n    secret: blog-secret-0123456789\n    target: { ${kind}: { ${key}: x } }\n`;
      const result = parseConfig(yaml, "hook.yaml", {});
      const problems = "problems" in result ? result.problems : [];
      const said = `services.blog.target.${kind}.${key}: unknown key; it is called \`${name}\``;
      assert.ok(
        problems.some((problem) => problem.endsWith(said)),
        problems.join("\n"),
      );
    });
  }

  test("of the first version is still taken", () => {
    const yaml = `listen: 127.0.0.1:4500
store: ./hook.db
api: { tokens: [{ name: ops, token: api-token-0123456789, scopes: [read, deploy, admin] }] }
deployments: { parallel: 4, grace: 8s }
services:
  blog:
    image: stut/blog
    secret: blog-secret-0123456789
    tags: '^release-\\d{14}$'
    target: { consul: { address: "http://127.0.0.1:8500", key: configs/stut/blog/IMAGE_TAG, token: t-0123456789abcdef, datacenter: dc1, timeout: 10s } }
  events:
    image: registry.gitlab.com/lucj/sophia.events
    secret: events-secret-0123456789
    target: { portainer: { serviceWebhook: "http://127.0.0.1:9000/api/webhooks/4c6d0b1e-90ad-4d9e-a5d3-2f3f0ad0c1aa", timeout: 60s } }
  example:
    image: example/site
    secret: example-secret-0123456789
    target: { command: { run: ["./render.sh"], environment: { A: b }, timeout: 60s } }
`;
    const result = parseConfig(yaml, "hook.yaml", {});
    assert.deepEqual("problems" in result ? result.problems : [], []);
  });

  test("docs/hook/upgrade.md has the schema's version", () => {
    const text = readFileSync(new URL("../../../docs/hook/upgrade.md", import.meta.url), "utf8");
    assert.match(text, new RegExp(`this program has version ${schemaVersion}\\.`));
    assert.match(text, new RegExp(`^\\| ${schemaVersion} \\| `, "m"));
  });
});
