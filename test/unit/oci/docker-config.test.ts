import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { askCredentialHelper } from "../../../oci/credential-helper.ts";
import type { Credentials } from "../../../oci/credentials.ts";
import { readDockerCredentials } from "../../../oci/docker-config.ts";

const folder = mkdtempSync(join(tmpdir(), "statigo-docker-config-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const environment = { PATH: `${folder}:${process.env["PATH"]}` };
const lookup = () => ({ environment, signal: AbortSignal.timeout(60_000) });

let files = 0;
function read(config: unknown, registry: string): Promise<Credentials | undefined> {
  const file = join(folder, `config-${++files}.json`);
  writeFileSync(file, typeof config === "string" ? config : JSON.stringify(config));
  return readDockerCredentials(file, registry, lookup());
}

/** A program `docker-credential-<name>` with this shell script. */
function addHelper(name: string, script: string): void {
  const file = join(folder, `docker-credential-${name}`);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

const auth = Buffer.from("ci:pass:word").toString("base64");
const user = { username: "ci", password: "pass:word" };

const readings: [what: string, config: object, registry: string, expected: Credentials | undefined][] = [
  ["what `docker login` wrote", { auths: { "reg.example:5000": { auth } } }, "reg.example:5000", user],
  [
    "Docker Hub's under its old URL",
    { auths: { "https://index.docker.io/v1/": { auth } } },
    "docker.io",
    user,
  ],
  ["Docker Hub's under its name", { auths: { "docker.io": { auth } } }, "docker.io", user],
  ["an old file's URL", { auths: { "https://reg.example/v1/": { auth } } }, "reg.example", user],
  ["user and password as they are", { auths: { "reg.example": { ...user } } }, "reg.example", user],
  [
    "an identity token before the password",
    { auths: { "reg.example": { auth, identitytoken: "refresh" } } },
    "reg.example",
    { identityToken: "refresh" },
  ],
  ["nothing for another registry", { auths: { "reg.example": { auth } } }, "other.example", undefined],
  ["nothing for another port", { auths: { "reg.example": { auth } } }, "reg.example:5000", undefined],
  ["nothing where the entry is empty", { auths: { "reg.example": {} } }, "reg.example", undefined],
  ["nothing from a file without logins", {}, "reg.example", undefined],
  ["nothing from what is no login", { auths: { "reg.example": "ci" } }, "reg.example", undefined],
  ["nothing that objects bring by themselves", { auths: {} }, "constructor", undefined],
];

describe("a Docker config.json", () => {
  for (const [what, config, registry, expected] of readings) {
    test(`gives ${what}`, async () => assert.deepEqual(await read(config, registry), expected));
  }

  test("that cannot be used is named, and never quoted", async () => {
    const missing = readDockerCredentials(join(folder, "none.json"), "reg.example", lookup());
    await assert.rejects(missing, /none\.json does not exist/);
    const broken = read('{"auths":{"reg.example":{"auth":"c2VjcmV0', "reg.example");
    await assert.rejects(
      broken,
      (error: Error) => /is not JSON$/.test(error.message) && !/c2Vj/.test(error.message),
    );
    const noColon = read({ auths: { "reg.example": { auth: "c2VjcmV0" } } }, "reg.example");
    await assert.rejects(noColon, /has no user and password in auths\."reg\.example"\.auth/);
  });

  test("leads to a helper: the registry's own first, then the general one, then the file", async () => {
    addHelper("own", `echo '{"Username":"own","Secret":"s"}'`);
    addHelper("general", `echo '{"Username":"general","Secret":"s"}'`);
    addHelper("empty", "echo 'credentials not found in native keychain'; exit 1");
    const config = {
      credHelpers: { "reg.example": "own" },
      credsStore: "general",
      auths: { "third.example": { auth } },
    };
    assert.deepEqual(await read(config, "reg.example"), { username: "own", password: "s" });
    assert.deepEqual(await read(config, "other.example"), { username: "general", password: "s" });
    assert.deepEqual(await read({ ...config, credsStore: "empty" }, "third.example"), user);
    assert.equal(await read({ ...config, credsStore: "empty" }, "other.example"), undefined);
  });
});

describe("a credential helper", () => {
  test("is asked by the key under which `docker login` stores Docker Hub's", async () => {
    addHelper("hub", `read -r key; echo "{\\"Username\\":\\"$1\\",\\"Secret\\":\\"$key\\"}"`);
    const found = await read({ credsStore: "hub" }, "docker.io");
    assert.deepEqual(found, { username: "get", password: "https://index.docker.io/v1/" });
  });

  test("may answer with an identity token", async () => {
    addHelper("token", `echo '{"ServerURL":"x","Username":"<token>","Secret":"refresh"}'`);
    assert.deepEqual(await askCredentialHelper("token", "reg.example", lookup()), {
      identityToken: "refresh",
    });
  });

  const failures: [what: string, name: string, script: string | undefined, problem: RegExp][] = [
    ["is not there", "none", undefined, /^docker-credential-none is not on the PATH$/],
    [
      "fails",
      "failing",
      "echo secret-thing; exit 3",
      /^docker-credential-failing failed for reg\.example \(status 3\)$/,
    ],
    [
      "talks nonsense",
      "odd",
      "echo secret-thing",
      /^docker-credential-odd did not answer with a user and a secret$/,
    ],
    ["never stops talking", "endless", "exec yes secret-thing", /^docker-credential-endless failed/],
    ["has a path for a name", "../../bin/sh", undefined, /is not a credential helper's name/],
  ];
  for (const [what, name, script, problem] of failures) {
    test(`that ${what} is named, and its output is not shown`, async () => {
      if (script !== undefined) addHelper(name, script);
      await assert.rejects(askCredentialHelper(name, "reg.example", lookup()), ({ message }: Error) => {
        assert.match(message, problem);
        assert.doesNotMatch(message, /secret-thing/);
        return true;
      });
    });
  }

  test("that waits for a person is ended", async () => {
    addHelper("waiting", "exec sleep 30");
    const startedMs = Date.now();
    await assert.rejects(
      askCredentialHelper("waiting", "reg.example", lookup(), 100),
      /did not answer in time/,
    );
    assert.ok(Date.now() - startedMs < 5000);
  });
});
