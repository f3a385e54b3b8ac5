import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { resolveRange } from "../../../server/range.ts";

/** `start+length`, for several with spaces between, or the kind. */
function resolve(field: string, size: number): string {
  const range = resolveRange(field, size);
  if (range.kind !== "slices") return range.kind;
  return range.starts.map((_, index) => `${range.startAt(index)}+${range.lengthAt(index)}`).join(" ");
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
    "bytes=0-1,3-4": "0+2 3+2",
    "bytes=3-4,0-1": "3+2 0+2",
    "bytes= 0-1 ,\t3-4": "0+2 3+2",
    "bytes=,0-1,,3-4,": "0+2 3+2",
    "bytes=0-1,": "0+2",
    "bytes=,": "whole",
    "bytes=0-1,-2": "0+2 8+2",
    "bytes=0-3,2-5": "0+6",
    "bytes=0-1,2-3": "0+4",
    "bytes=2-3,0-1": "0+4",
    "bytes=8-9,0-1,4-5,1-4": "8+2 0+6",
    "bytes=0-1,8-9,2-7": "0+10",
    "bytes=0-1,99-": "0+2",
    "bytes=98-,99-": "unsatisfiable",
    "bytes=-0,10-": "unsatisfiable",
    "bytes=0-1,x": "whole",
    "bytes=0-1,5-4": "whole",
    "bytes=0-,0-": "whole",
    "bytes=0-9,0-0": "whole",
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
        const range = resolveRange(`bytes=${first}-${last}`, size);
        if (range.kind !== "slices") continue;
        const start = range.startAt(0);
        const length = range.lengthAt(0);
        assert.ok(start >= 0 && length > 0 && start + length <= size, `${first}-${last}`);
      }
    }
  }
});

test("up to 16 ranges are answered, more are not, and none asks for more than there is", () => {
  const ranges = (count: number) => `bytes=${Array.from({ length: count }, (_, i) => `${i * 2}-${i * 2}`)}`;
  assert.equal(resolve(ranges(16), 100).split(" ").length, 16);
  assert.equal(resolve(ranges(17), 100), "whole");
  assert.equal(resolve(`bytes=${"0-,".repeat(1000)}`, 100), "whole");
  assert.equal(resolve("bytes=0-59,30-89", 100), "whole");
});
