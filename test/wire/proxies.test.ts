/** Whose address the log has behind proxies, and the log as JSON, on every runtime. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { get } from "../support/raw-http.ts";
import { runtimes, startServer } from "../support/server-process.ts";
import { makeSiteFolder } from "../support/site-folder.ts";

const folder = makeSiteFolder();
after(() => folder.remove());

/** The log's lines for requests that differ in these fields; the last two are alike, so that nothing is remembered wrongly. */
async function logOf(
  runtime: (typeof runtimes)[number],
  flags: readonly string[],
  requests: readonly (readonly string[])[],
): Promise<string[]> {
  const server = await startServer(runtime, ["-root-dir", folder.root, ...flags]);
  for (const fields of requests) await get(server.port, "/page.html", fields);
  assert.equal(await server.stop(), 0, server.stderr);
  return server.stdout.trimEnd().split("\n");
}

const requests = [
  ["X-Forwarded-For: 192.0.2.7"],
  ["X-Forwarded-For: 198.51.100.1, 203.0.113.9, 10.1.2.3"],
  ["Forwarded: for=192.0.2.60;proto=http, for=10.0.0.1"],
  ['X-Forwarded-For: nonsense"]'],
  [],
  ["X-Forwarded-For: 192.0.2.7"],
  ["X-Forwarded-For: 192.0.2.7"],
];

for (const runtime of runtimes) {
  describe(`behind proxies on ${runtime.name}`, { skip: runtime.missing }, () => {
    test("nobody is believed unless told to", async () => {
      const lines = await logOf(runtime, [], requests);
      assert.deepEqual(
        lines.map((line) => line.split(" ")[0]),
        requests.map(() => "127.0.0.1"),
      );
    });

    test("of trusted proxies the last address that is none of them is logged", async () => {
      const lines = await logOf(runtime, ["--trusted-proxies=127.0.0.0/8,10.0.0.0/8"], requests);
      assert.deepEqual(
        lines.map((line) => line.split(" ")[0]),
        ["192.0.2.7", "203.0.113.9", "192.0.2.60", "127.0.0.1", "127.0.0.1", "192.0.2.7", "192.0.2.7"],
      );
    });

    test("--log-format json writes an object a line", async () => {
      const flags = ["--trusted-proxies=127.0.0.1", "--log-format=json"];
      const lines = await logOf(runtime, flags, [
        ...requests,
        ['User-Agent: a"b\\\xff', "Referer: http://c/"],
      ]);
      const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
      assert.equal(entries.length, requests.length + 1);
      for (const { time, method, path, status, bytes, durationMs } of entries) {
        assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        assert.deepEqual([method, path, status, bytes], ["GET", "/page.html", 200, 14]);
        assert.ok(Number(durationMs) >= 0 && Number(durationMs) < 1000);
      }
      assert.equal(entries[0]?.["address"], "192.0.2.7");
      assert.equal(entries.at(-1)?.["userAgent"], 'a"b\\\xff');
      assert.equal(entries.at(-1)?.["referer"], "http://c/");
    });
  });
}
