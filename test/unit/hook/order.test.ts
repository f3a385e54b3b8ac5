import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isOlder, type Order } from "../../../hook/accept/order.ts";
import { defaultTags } from "../../../hook/service.ts";

type Side = string | [tag: string, pushedAtMs: number];

function ordered(side: Side) {
  const [tag, pushedAtMs] = typeof side === "string" ? [side, null] : side;
  return { tag, pushedAtMs };
}

/** The first of each pair is the older one; the other way round it is not. */
const older: Readonly<Record<Exclude<Order, "arrival">, readonly [Side, Side, tags?: RegExp][]>> = {
  "tag-number": [
    ["release-20230103082900", "release-20230103082901"],
    ["release-20230103082900-amd64", "release-20240103082900-386"],
    ["build-9", "build-10"],
    ["v9007199254740993", "v9007199254740994"],
    ["2-of-3", "2-of-4"],
    ["v1.9", "v1.10", /^v(\d+)\.(\d+)$/],
    ["v1.9", "v2.0", /^v(\d+)\.(\d+)$/],
    ["2024-12-31-99999", "2025-01-01-1", /^(\d+)-(\d+)-(\d+)-/],
  ],
  semver: [
    ["1.9.0", "1.10.0"],
    ["v1.0.0-rc.2", "v1.0.0"],
    ["v1.0.0-rc.2", "v1.0.0-rc.10"],
    ["release-1.2.3", "release-1.2.4"],
    ["web-1.2.3-alpine", "web-1.2.4-alpine", /^web-(\d+\.\d+\.\d+)-alpine$/],
  ],
  "pushed-at": [
    [
      ["b", 1],
      ["a", 2],
    ],
  ],
};

/** Neither is older: what arrives later is the newer one then. */
const equal: readonly [Order, Side, Side, tags?: RegExp][] = [
  ["arrival", "v1", "v2"],
  ["arrival", ["v1", 1], ["v1", 2]],
  ["tag-number", "release-7", "release-7"],
  ["tag-number", "nightly", "release-7"],
  ["tag-number", "a-007", "b-7"],
  ["semver", "1.2.3", "v1.2.3"],
  ["semver", "nightly", "1.2.3"],
  ["semver", "20230103", "20230104"],
  ["pushed-at", ["a", 1], ["b", 1]],
  ["pushed-at", "a", ["b", 1]],
];

describe("the order of releases", () => {
  for (const [order, pairs] of Object.entries(older)) {
    for (const [first, second, tags = defaultTags] of pairs) {
      test(`${order}: ${first} is older than ${second}`, () => {
        assert.equal(isOlder(order as Order, tags, ordered(first), ordered(second)), true);
        assert.equal(isOlder(order as Order, tags, ordered(second), ordered(first)), false);
      });
    }
  }

  for (const [order, first, second, tags = defaultTags] of equal) {
    test(`${order}: of ${first} and ${second} none is older`, () => {
      assert.equal(isOlder(order, tags, ordered(first), ordered(second)), false);
      assert.equal(isOlder(order, tags, ordered(second), ordered(first)), false);
    });
  }
});
