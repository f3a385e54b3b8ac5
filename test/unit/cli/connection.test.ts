import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { findConnection } from "../../../cli/api/connection.ts";
import { CommandError } from "../../../cli/exit-status.ts";

const folder = mkdtempSync(join(tmpdir(), "statigo-token-"));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, "token");
writeFileSync(file, "from-a-file\n");
const empty = join(folder, "empty");
writeFileSync(empty, "\n");

const STATIGO_HOOK_URL = "http://127.0.0.1:4500";
const STATIGO_HOOK_TOKEN = "from-the-environment";

describe("where the hook is and what opens it", () => {
  const good: [
    what: string,
    options: Record<string, string>,
    environment: Record<string, string>,
    expected: string,
  ][] = [
    [
      "is in the environment",
      {},
      { STATIGO_HOOK_URL, STATIGO_HOOK_TOKEN },
      `${STATIGO_HOOK_URL}/ from-the-environment`,
    ],
    [
      "may be typed, which counts more",
      { url: "https://hook.example.org", token: "typed" },
      { STATIGO_HOOK_URL, STATIGO_HOOK_TOKEN },
      "https://hook.example.org/ typed",
    ],
    [
      "may be a file",
      { "token-file": file },
      { STATIGO_HOOK_URL, STATIGO_HOOK_TOKEN },
      `${STATIGO_HOOK_URL}/ from-a-file`,
    ],
    [
      "may be a file of the environment",
      {},
      { STATIGO_HOOK_URL, STATIGO_HOOK_TOKEN_FILE: file },
      `${STATIGO_HOOK_URL}/ from-a-file`,
    ],
    [
      "may be below a path",
      { url: "https://example.org/hook?x#y", token: "t" },
      {},
      "https://example.org/hook/ t",
    ],
  ];
  for (const [what, options, environment, expected] of good) {
    test(what, () => {
      const { base, token } = findConnection(options, environment);
      assert.equal(`${base.href} ${token}`, expected);
    });
  }

  const bad: [
    what: string,
    options: Record<string, string>,
    environment: Record<string, string>,
    words: RegExp,
  ][] = [
    ["is asked for when it is missing", {}, { STATIGO_HOOK_TOKEN }, /which hook\? .*STATIGO_HOOK_URL/],
    [
      "is asked for when the token is",
      {},
      { STATIGO_HOOK_URL, STATIGO_HOOK_TOKEN: " " },
      /which token\? .*STATIGO_HOOK_TOKEN/,
    ],
    ["is no URL", { url: "hook.example.org" }, { STATIGO_HOOK_TOKEN }, /'hook.example.org' is no URL/],
    ["is another kind of URL", { url: "file:///etc" }, { STATIGO_HOOK_TOKEN }, /is no URL/],
    ["has a password", { url: "http://a:b@hook" }, { STATIGO_HOOK_TOKEN }, /no password/],
    [
      "is a file that is not there",
      { "token-file": join(folder, "none") },
      { STATIGO_HOOK_URL },
      /none cannot be read \(ENOENT\)/,
    ],
    ["is an empty file", { "token-file": empty }, { STATIGO_HOOK_URL }, /is empty/],
    ["is no token", { token: "two words" }, { STATIGO_HOOK_URL }, /characters that no token has/],
  ];
  for (const [what, options, environment, words] of bad) {
    test(`${what}: status 2`, () => {
      assert.throws(
        () => findConnection(options, environment),
        (error) => error instanceof CommandError && error.status === 2 && words.test(error.message),
      );
    });
  }
});
