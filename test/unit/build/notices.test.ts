import assert from "node:assert/strict";
import { test } from "node:test";
import { packageFolders } from "../../../build/notices.ts";

test("the packages of a bundle are told by its files, one within another too", () => {
  const inputs = [
    "cli/main.ts",
    "node_modules/leven/index.js",
    "node_modules/leven/other.js",
    "node_modules/@scope/name/lib/a.js",
    "node_modules/ajv/node_modules/fast-uri/index.js",
  ];
  assert.deepEqual(packageFolders(inputs), [
    "node_modules/@scope/name",
    "node_modules/ajv/node_modules/fast-uri",
    "node_modules/leven",
  ]);
});
