import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type CheckedPart, checkParts, isAllWell } from "../../hook/check.ts";
import { targets } from "../../hook/target/index.ts";
import { freePorts } from "../support/free-port.ts";
import { configOf, readConfig, script, secretOf, temporaryFolder, until } from "../support/hook.ts";
import { spawnHook } from "../support/hook-process.ts";

const folder = temporaryFolder();
/** Speaks for every engine: it is there and refuses everything. */
const engine = createServer((_request, response) => response.writeHead(403).end("no")).listen(0, "127.0.0.1");
let closedPort: number;
before(async () => {
  await until("the engine listens", () => engine.listening);
  [closedPort = 0] = await freePorts(1);
});
after(() => {
  engine.close();
  rmSync(folder, { recursive: true });
});

const write = (yaml: string) => {
  const file = join(folder, "hook.yaml");
  writeFileSync(file, yaml);
  return file;
};
const run = (...args: string[]) => spawnHook(args).ended;
const consulAt = (port: number) => `{ consul: { address: "http://127.0.0.1:${port}" } }`;

describe("hook check", () => {
  test("asks store, targets and notifiers, says what each answered, and changes nothing", async () => {
    const { port } = engine.address() as AddressInfo;
    const file = write(
      configOf(
        { good: script("exit 0"), refused: consulAt(port), away: consulAt(closedPort) },
        `notifiers: { pager: { alertmanager: { url: "http://127.0.0.1:${closedPort}" } } }`,
      ),
    );
    const { status, output, errors } = await run("check", "--config", file);
    const [head, ...lines] = output.trimEnd().split("\n");
    assert.equal(head, `${file}: good; services: good, refused, away`);
    const found = lines.map((line) => /^(\S+) +(\S+(?:: \S+)?) {2,}(\S.*)$/.exec(line)?.slice(1) ?? []);
    assert.deepEqual(
      found.map(([word, part]) => [word, part]),
      [
        ["ok", "store"],
        ["ok", "services.good: command"],
        ["FAIL", "services.refused: consul"],
        ["FAIL", "services.away: consul"],
        ["FAIL", "notifiers.pager: alertmanager"],
      ],
    );
    assert.match(found[3]?.[2] ?? "", /nothing listens at/);
    assert.deepEqual([status, errors], [1, ""]);
    assert.deepEqual(readdirSync(folder), ["hook.yaml"]);
  });

  test("--json says the same for programs; all well is status 0", async () => {
    const file = write(configOf({ good: script("exit 0") }));
    const { status, output } = await run("check", "--config", file, "--json");
    const { ok, services, parts } = JSON.parse(output) as {
      ok: boolean;
      services: string[];
      parts: CheckedPart[];
    };
    assert.deepEqual([status, ok, services], [0, true, ["good"]]);
    assert.deepEqual(
      parts.map(({ part, ok }) => [part, ok]),
      [
        ["store", true],
        ["services.good: command", true],
      ],
    );
  });

  test("finds a store that has no directory", async () => {
    const config = readConfig(
      configOf({ good: script("exit 0") }).replace("./hook.db", "./none/hook.db"),
      folder,
    );
    const parts = await checkParts(config);
    assert.match(parts[0]?.detail ?? "", /none does not exist: make it/);
    assert.equal(isAllWell(parts), false);
  });

  test("waits for none longer than it should, and survives one that breaks", async () => {
    const config = readConfig(
      configOf({ deaf: script("exit 0"), broken: script("exit 0"), mute: script("exit 0") }),
      folder,
    );
    const [deaf, broken, mute] = [...config.services.values()];
    if (!deaf || !broken || !mute) throw new Error("a service is missing");
    deaf.target = { ...deaf.target, check: () => new Promise(() => {}) };
    broken.target = { ...broken.target, check: () => Promise.reject(new Error("it is a bug")) };
    const { check: _, ...unaskable } = mute.target;
    mute.target = unaskable;
    const [, ...parts] = await checkParts(config, 50);
    assert.deepEqual(
      parts.map(({ ok, detail }) => [ok, detail]),
      [
        [false, "no answer within 0.05 s"],
        [false, "the check itself broke: it is a bug"],
        [null, "can only be found out by doing it"],
      ],
    );
  });
});

test("hook check tells of every target of the example what it would do", async () => {
  const example = readFileSync(new URL("../../hook.example.yaml", import.meta.url), "utf8");
  const file = write(example);
  const named = [...example.matchAll(/env: (\w+)/g)].map(([, name = ""]) => name);
  const environment = Object.fromEntries(named.map((name) => [name, `value-of-${name}-0123456789`]));
  const hook = spawnHook(["check", "--config", file], {
    ...environment,
    SLACK_URL: "https://slack.example/T0",
  });
  const { output } = await hook.ended;
  for (const { name } of targets) {
    const service = name === "directory" ? "blog" : name;
    assert.match(output, new RegExp(`^(?:ok|FAIL|\\?) +services\\.${service}: ${name} +\\S`, "m"));
  }
});

describe("hook url", () => {
  test("prints the URL that a sender is given, for every secret there is, the hook's public address before it", async () => {
    const yaml = configOf({ blog: script("exit 0") }, "publicUrl: https://hook.example.org")
      .replace(`secret: ${secretOf("blog")}`, "secret: [{ env: NEW }, { file: old }]")
      .replace("127.0.0.1:0", "127.0.0.1:4500");
    const file = write(yaml);
    writeFileSync(join(folder, "old"), "an-older-secret-0123456789\n");
    const environment = { NEW: "a-newer-secret-0123456789" };
    const shown = await spawnHook(["url", "blog", "-c", file], environment).ended;
    assert.deepEqual(shown.output.trimEnd().split("\n"), [
      "https://hook.example.org/hooks/blog/a-newer-secret-0123456789",
      "https://hook.example.org/hooks/blog/an-older-secret-0123456789",
    ]);
    const elsewhere = await spawnHook(
      ["url", "blog", "-c", file, "--base", "https://example.org/hook/"],
      environment,
    ).ended;
    assert.match(elsewhere.output, /^https:\/\/example\.org\/hook\/hooks\/blog\/a-newer/);
    assert.deepEqual([elsewhere.status, elsewhere.errors], [0, ""]);
  });

  test("leaves a place for a secret of which the config has only the hash, and says so", async () => {
    const sha256 = createHash("sha256").update("whatever").digest("hex");
    const file = write(
      configOf({ blog: script("exit 0") }).replace(secretOf("blog"), `{ sha256: "${sha256}" }`),
    );
    const { status, output, errors } = await run("url", "blog", "-c", file);
    assert.equal(output, "http://127.0.0.1:0/hooks/blog/<secret>\n");
    assert.match(errors, /put the secret itself where <secret> stands/);
    assert.equal(status, 0);
  });

  test("knows the config's services only", async () => {
    const file = write(configOf({ blog: script("exit 0") }));
    const { status, errors } = await run("url", "blgo", "-c", file);
    assert.equal(errors, `${file} has no service blgo; it has blog\n`);
    assert.equal(status, 2);
  });
});

test("hook secret new and hook token new print a secret that the config takes, and its hash", async () => {
  for (const word of ["secret", "token"]) {
    const { output } = await run(word, "new", "--sha256");
    const [secret = "", hash] = output.split("\n");
    assert.match(secret, /^[\w-]{43}$/);
    assert.equal(hash, `{ sha256: "${createHash("sha256").update(secret).digest("hex")}" }`);
  }
  const { output } = await run("secret", "new", "--signing");
  assert.match(output, /^whsec_[A-Za-z0-9+/]{43}=\n$/);
});

test("a token for a service that the config does not have is a mistake", () => {
  const yaml = configOf({ blog: script("exit 0") }).replace(
    '"scopes":["read"]',
    '"scopes":["read"],"services":["blgo"]',
  );
  assert.throws(
    () => readConfig(yaml, folder),
    /api\.tokens\.0\.services\.0: there is no service blgo; did you mean `blog`\?/,
  );
});
