import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Challenge, parseChallenges } from "../../../oci/challenge.ts";

const bearer = (parameters: Record<string, string>): Challenge => ({ scheme: "bearer", parameters });

const readings: [header: string, expected: Challenge[]][] = [
  [
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:stut/blog:pull"',
    [
      bearer({
        realm: "https://auth.docker.io/token",
        service: "registry.docker.io",
        scope: "repository:stut/blog:pull",
      }),
    ],
  ],
  ["Basic realm=test", [{ scheme: "basic", parameters: { realm: "test" } }]],
  ["Basic", [{ scheme: "basic", parameters: {} }]],
  [
    'Basic realm="a, b", BEARER Realm="https://t.example/" , service=s',
    [
      { scheme: "basic", parameters: { realm: "a, b" } },
      bearer({ realm: "https://t.example/", service: "s" }),
    ],
  ],
  [
    'Bearer realm="a \\"quoted\\" one",scope="pull,push"',
    [bearer({ realm: 'a "quoted" one', scope: "pull,push" })],
  ],
  ["Negotiate, Bearer realm=x", [{ scheme: "negotiate", parameters: {} }, bearer({ realm: "x" })]],
  ["", []],
  [" , ,", []],
  ['realm="nobody asked"', []],
  ['Bearer realm="never ends', [bearer({})]],
];

describe("WWW-Authenticate", () => {
  for (const [header, expected] of readings) {
    test(`${JSON.stringify(header)} offers ${expected.map(({ scheme }) => scheme).join(" and ") || "nothing"}`, () => {
      assert.deepEqual(parseChallenges(header), expected);
    });
  }

  test("is read in a moment, however long a server makes it", () => {
    const startedMs = performance.now();
    parseChallenges(`Bearer realm="${"\\".repeat(200_000)}`);
    parseChallenges(`${"a,".repeat(100_000)}`);
    parseChallenges(`Bearer ${'a="b" '.repeat(50_000)}`);
    assert.ok(performance.now() - startedMs < 1000);
  });
});
