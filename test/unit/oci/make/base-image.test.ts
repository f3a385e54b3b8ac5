import assert from "node:assert/strict";
import { test } from "node:test";
import { makeServerBase } from "../../../../oci/make/base-image.ts";
import { findServerPlatform } from "../../../../oci/make/server-platform.ts";

for (const [platform, buildCommand] of [
  ["linux/amd64", "npm run build:native"],
  ["linux/arm64", "npm run build:native -- --arm64"],
] as const) {
  test(`a server that is not built for ${platform} is told how it is built`, async () => {
    const options = {
      platform: findServerPlatform(platform),
      program: "/nowhere/statigo",
      compression: { kind: "gzip", level: 9 },
      staging: "/nowhere",
      signal: new AbortController().signal,
    } as const;
    await assert.rejects(makeServerBase(options), (error: Error) =>
      error.message.includes(` is not there: ${buildCommand} makes it (`),
    );
  });
}
