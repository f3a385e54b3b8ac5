import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { apiCommands } from "../../../cli/commands.ts";
import { exitStatus } from "../../../cli/exit-status.ts";
import { rows } from "../../hook/api/routes.ts";

const text = readFileSync(new URL("../../../docs/cli.md", import.meta.url), "utf8");
const table = [...text.matchAll(/^\| `([^`]+)` \| (read|deploy|admin) \| (.*) \|$/gm)];

describe("docs/cli.md", () => {
  test("has every command with its arguments, and no other", () => {
    const documented = table.map(([, usage]) => `statigo ${usage}`);
    assert.deepEqual(
      documented,
      apiCommands.map(({ usage }) => usage.replace(" [options]", "")),
    );
  });

  test("names options that the command has", () => {
    for (const [, usage = "", , words = ""] of table) {
      const [name] = usage.split(" ");
      const options = apiCommands.find((command) => command.name === name)?.options ?? {};
      for (const [, long] of words.matchAll(/`--([a-z-]+)/g))
        assert.ok(long && long in options, `${name} --${long}`);
      for (const [, short] of words.matchAll(/`-(\w)\b/g))
        assert.ok(
          Object.values(options).some((option) => option.short === short),
          `${name} -${short}`,
        );
    }
  });

  test("says which scope each needs: that of the route it asks", () => {
    const scopeOf = new Map(rows.map(({ path, scope }) => [path.split("/").at(-1), scope]));
    for (const [, usage = "", scope] of table) {
      const [name = ""] = usage.split(" ");
      const expected = name === "deploy" ? "deploy" : name === "deployments" ? "read" : scopeOf.get(name);
      assert.equal(scope, expected, name);
    }
  });

  test("has every exit status", () => {
    const documented = [...text.matchAll(/^\| (\d+) \| /gm)].map(([, status]) => Number(status));
    assert.deepEqual(documented, Object.values(exitStatus));
  });
});
