import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { errors } from "../../../hook/http/errors.ts";
import { defaultEventStreamOptions } from "../../../hook/routes/api/event-stream.ts";
import { scopes } from "../../../hook/routes/api/token.ts";
import { apiOf } from "../../support/api.ts";
import { adminToken, configOf, script, startHook, type TestHook } from "../../support/hook.ts";

const text = readFileSync(new URL("../../../docs/hook/api.md", import.meta.url), "utf8");

interface Operation {
  description: string;
  parameters: { name: string; in: string }[];
  responses: Record<string, { description: string }>;
}

let hook: TestHook;
const operations = new Map<string, Operation>();
before(async () => {
  hook = await startHook(configOf({ blog: script("exit 0") }));
  const { paths } = await apiOf(hook).json<{ paths: Record<string, Record<string, Operation>> }>(
    "openapi.json",
  );
  for (const [path, byMethod] of Object.entries(paths))
    for (const [method, operation] of Object.entries(byMethod))
      operations.set(`${method.toUpperCase()} ${path}`, operation);
});
after(() => hook.stop());

describe("docs/hook/api.md", () => {
  const rows = [...text.matchAll(/^\| `((?:GET|POST) [^`]+)` \| (\w+) \| (.*) \|$/gm)];

  test("has every route with its scope, and no other", () => {
    const documented = rows.map(([, route, scope]) => [route, `Needs the scope \`${scope}\`.`]);
    const served = [...operations].map(([route, { description }]) => [route, description]);
    assert.deepEqual(documented, served);
  });

  test("has every query parameter, and no other", () => {
    for (const [, route = "", , words = ""] of rows) {
      const documented = [...words.matchAll(/`\?(\w+)=/g)].map(([, name]) => name);
      const served = (operations.get(route)?.parameters ?? []).filter(
        (parameter) => parameter.in === "query",
      );
      assert.deepEqual(documented.sort(), served.map(({ name }) => name).sort(), route);
    }
  });

  test("has every error that a route may answer with", () => {
    const served = new Set(
      [...operations.values()].flatMap(({ responses }) =>
        Object.values(responses).flatMap(({ description }) =>
          [...description.matchAll(/`(\w+)`: /g)].map(([, code]) => code),
        ),
      ),
    );
    for (const code of served) {
      const { status } = errors[code as keyof typeof errors];
      assert.ok(text.includes(`\`${code}\``) || [413, 415].includes(status), code);
      assert.match(text, new RegExp(`\\b${status}\\b`));
    }
  });

  test("has every scope, and the limits of streams", () => {
    for (const scope of scopes) assert.match(text, new RegExp(`^\\| \`${scope}\` \\|`, "m"));
    const { maximum, heartbeatMs } = defaultEventStreamOptions;
    assert.ok(text.includes(`At most ${maximum} streams`));
    assert.ok(text.includes(`at least every ${heartbeatMs / 1000} s`));
  });

  test("has a command that deploys when it is run", async () => {
    const [, command = ""] = /^```sh\n(.*?)^```$/ms.exec(text) ?? [];
    const env = {
      PATH: process.env["PATH"],
      TOKEN: adminToken,
      CI_JOB_ID: "7",
      STATIGO_HOOK_URL: hook.origin,
    };
    const { stdout } = await promisify(execFile)("/bin/sh", ["-ec", command], { env });
    assert.equal(JSON.parse(stdout).tag, "v1.4.2");
  });
});
