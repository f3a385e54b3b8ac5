import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import type { RouteOptions } from "fastify";
import { errors } from "../../../hook/http/errors.ts";
import { apiOf, type Json } from "../../support/api.ts";
import { configOf, script, startHook, type TestHook } from "../../support/hook.ts";
import { rows } from "./routes.ts";

interface Operation {
  operationId: string;
  description: string;
  parameters: { name: string; in: string }[];
  responses: Record<string, { description: string; content: Json }>;
}

let hook: TestHook;
let document: Json;
const served: Pick<RouteOptions, "method" | "url">[] = [];
before(async () => {
  hook = await startHook(configOf({ blog: script("exit 0") }), {
    beforeStart: ({ app }) => app.addHook("onRoute", ({ method, url }) => void served.push({ method, url })),
  });
  document = await apiOf(hook).json("openapi.json");
});
after(() => hook.stop());

function operations(): Map<string, Operation> {
  const paths = Object.entries(document["paths"] as Record<string, Record<string, Operation>>);
  return new Map(
    paths.flatMap(([path, byMethod]) =>
      Object.entries(byMethod).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation]),
    ),
  );
}

describe("the OpenAPI document", () => {
  test("is valid OpenAPI 3.1", async () => {
    const result = await new Validator().validate(structuredClone(document));
    assert.deepEqual(result, { valid: true });
    assert.match(String(document["openapi"]), /^3\.1\./);
  });

  test("has every route that is served under /api, and no other", () => {
    const routes = served
      .filter(({ url }) => url.startsWith("/api/"))
      .map(({ method, url }) => `${method} ${url.replace(/:(\w+)/g, "{$1}")}`);
    assert.deepEqual([...operations().keys()].sort(), routes.sort());
  });

  test("says of each route which scope it needs: the one that authorization.test.ts proves", () => {
    const proven = rows.map(({ method, path, scope }) => [
      `${method} /api/${path.replace("services/blog", "services/{service}").replace("deployments/1", "deployments/{id}")}`,
      `Needs the scope \`${scope}\`.`,
    ]);
    const said = [...operations()].map(([route, { description }]) => [route, description]);
    assert.deepEqual(said.sort(), proven.sort());
  });

  test("names each operation once, and every error with its status", () => {
    const names = [...operations().values()].map(({ operationId }) => operationId);
    assert.equal(new Set(names).size, names.length);
    for (const [route, { responses }] of operations()) {
      for (const [status, { description }] of Object.entries(responses)) {
        for (const [, code] of description.matchAll(/`(\w+)`: /g))
          assert.equal(String(errors[code as keyof typeof errors]?.status), status, `${route} ${code}`);
      }
    }
  });

  test("names the parameters of each path", () => {
    for (const [route, { parameters }] of operations()) {
      const inPath = parameters.filter((parameter) => parameter.in === "path").map(({ name }) => `{${name}}`);
      assert.deepEqual(route.match(/\{\w+\}/g) ?? [], inPath);
    }
  });

  test("says nothing of the config: neither services nor tokens", () => {
    assert.doesNotMatch(JSON.stringify(document), /blog|token-0123|secret-0123/);
  });
});
