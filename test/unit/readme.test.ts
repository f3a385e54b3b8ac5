import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { listTemplates } from "../../cli/templates.ts";
import { commandVariables } from "../../hook/target/command.ts";
import { targets } from "../../hook/target/index.ts";
import { flags } from "../../server/options/flags.ts";
import { apiToken, configOf, startHook, type TestHook } from "../support/hook.ts";
import { readme, snippetsOf, tableUnder } from "../support/readme.ts";

const root = resolve(import.meta.dirname, "../..");

test("the table of flags says what the server's own --help says", () => {
  const rows = tableUnder(readme, "The server's flags");
  const documented = rows.map(([flag, fallback, variable, meaning]) => ({
    flag,
    fallback,
    variable,
    meaning,
  }));
  const expected = flags.map(({ name, argument, defaultText, meaning }) => {
    const isAddress = name === "listen-addr";
    const isOff = argument === "";
    return {
      flag: `\`--${name}${isOff ? "" : ` <${argument}>`}\``,
      // --help has the variable in the default's text, the table in a column of its own.
      fallback: isOff ? "" : `\`${defaultText.replace(":$NOMAD_PORT_http or ", "")}\``,
      variable: isAddress ? "`NOMAD_PORT_http`, the port alone" : "",
      meaning,
    };
  });
  assert.deepEqual(documented, expected);
});

test("the command target's variables are all named, and no others", () => {
  const named = new Set(readme.match(/\bSTATIGO_(?!SITE\b|HOOK_)[A-Z]+/g));
  assert.deepEqual([...named].sort(), Object.keys(commandVariables).sort());
});

test("every npm script that is named exists", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const own = snippetsOf(readme).filter(({ key }) => !key.includes("dockerfile"));
  const named = own.flatMap(({ text }) => [...text.matchAll(/npm (?:run )?(start|test|(?<=run )[\w:]+)/g)]);
  assert.ok(named.length >= 3);
  for (const [, name = ""] of named) assert.ok(name in scripts, `npm run ${name}`);
});

test("every file that is linked or named as Dockerfile exists", () => {
  const linked = [...readme.matchAll(/\]\((?!http)([^)]+)\)|-f (Dockerfile\S+)/g)];
  assert.ok(linked.length >= 2);
  for (const [, link, dockerfile] of linked) assert.ok(existsSync(join(root, link ?? dockerfile ?? "")));
});

test("every template is named", () => {
  for (const name of listTemplates(join(root, "templates")))
    assert.ok(readme.includes(`\`${name}\` (`), name);
});

test("every target is named", () => {
  const rows = tableUnder(readme, "All targets").map(([name = ""]) => name.replaceAll("`", ""));
  // The directory target is the one of a service without a target.
  const named = rows.map((name) => (name === "left out" ? "directory" : name));
  assert.deepEqual(named.toSorted(), targets.map(({ name }) => name).toSorted());
});

describe("the table of what the hook answers", () => {
  let hook: TestHook;
  before(async () => {
    hook = await startHook(configOf({ blog: '{ command: { run: ["true"] } }' }));
  });
  after(() => hook.stop());

  /** The status that each row promises for a request that is right. */
  const expected: Record<string, number> = {
    "`GET /health`": 204,
    "`GET /metrics`": 200,
    "`GET /api/openapi.json`": 200,
  };

  test("lists these endpoints", () => {
    assert.deepEqual(
      tableUnder(readme, "Seeing and steering").map(([endpoint]) => endpoint),
      Object.keys(expected),
    );
  });

  for (const [endpoint, status] of Object.entries(expected)) {
    test(`${endpoint} answers ${status}`, async () => {
      const [method = "", path = ""] = endpoint.replaceAll("`", "").split(" ");
      const response = await fetch(`${hook.origin}${path}`, {
        method,
        headers: { authorization: `Bearer ${apiToken}` },
      });
      assert.equal(response.status, status);
    });
  }
});
