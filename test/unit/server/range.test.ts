import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { resolveRange } from "../../../server/range.ts";

/** `start+length`, or the kind. */
function resolve(field: string, size: number): string {
  const { kind, slice } = resolveRange(field, size);
  return kind === "slice" ? `${slice.start}+${slice.length}` : kind;
}

describe("of ten bytes", () => {
  const table: Readonly<Record<string, string>> = {
    "bytes=0-0": "0+1",
    "bytes=0-9": "0+10",
    "bytes=0-10": "0+10",
    "bytes=9-": "9+1",
    "bytes=9-9": "9+1",
    "bytes=-1": "9+1",
    "bytes=-10": "0+10",
    "bytes=-11": "0+10",
    "bytes=003-004": "3+2",
    "Bytes=1-2": "1+2",
    "bytes=0-9007199254740993": "0+10",
    "bytes=0-99999999999999999999999999999999": "0+10",
    "bytes=-99999999999999999999999999999999": "0+10",
    "bytes=10-": "unsatisfiable",
    "bytes=10-20": "unsatisfiable",
    "bytes=99999999999999999999-": "unsatisfiable",
    "bytes=-0": "unsatisfiable",
    "": "whole",
    bytes: "whole",
    "bytes=": "whole",
    "bytes=-": "whole",
    "bytes=--1": "whole",
    "bytes=1": "whole",
    "bytes=2-1": "whole",
    "bytes=1-2-3": "whole",
    "bytes=1-2x": "whole",
    "bytes=0x1-2": "whole",
    "bytes=1.0-2": "whole",
    "bytes=1e0-2": "whole",
    "bytes=0-1,3-4": "whole",
    "bytes =0-1": "whole",
    "lines=0-1": "whole",
    "=0-1": "whole",
    "0-1": "whole",
  };
  for (const [field, expected] of Object.entries(table)) {
    test(`"${field}" asks for ${expected}`, () => assert.equal(resolve(field, 10), expected));
  }
});

test("of no bytes every well-formed range is unsatisfiable", () => {
  for (const field of ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0"])
    assert.equal(resolve(field, 0), "unsatisfiable", field);
});

test("positions beyond 2^32 are exact", () => {
  assert.equal(resolve("bytes=5000000000-5000000001", 6_000_000_000), "5000000000+2");
  assert.equal(resolve("bytes=-4294967297", 6_000_000_000), "1705032703+4294967297");
});

test("a slice always lies within the content and is never empty", () => {
  const numbers = ["", "0", "1", "4", "5", "6", "99999999999999999999"];
  for (const size of [0, 1, 5, 6]) {
    for (const first of numbers) {
      for (const last of numbers) {
        const { kind, slice } = resolveRange(`bytes=${first}-${last}`, size);
        if (kind !== "slice") continue;
        assert.ok(
          slice.start >= 0 && slice.length > 0 && slice.start + slice.length <= size,
          `${first}-${last}`,
        );
      }
    }
  }
});
