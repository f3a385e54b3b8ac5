import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { chooseCoding, codingQuality } from "../../../server/negotiate.ts";

describe("the quality of gzip", () => {
  const table: Readonly<Record<string, number>> = {
    "": -1,
    gzip: 1000,
    GZIP: 1000,
    "x-gzip": 1000,
    "br, gzip": 1000,
    "gzip;q=1": 1000,
    "gzip;q=1.": 1000,
    "gzip;q=1.000": 1000,
    "gzip;q=0.5": 500,
    "gzip ; q=0.25": 250,
    "gzip;Q=0.001": 1,
    "gzip;q=0.": 0,
    "gzip;q=0": 0,
    "gzip;q=0.000": 0,
    "*": 1000,
    "*;q=0.1": 100,
    "*;q=0.1, gzip;q=0.2": 200,
    "gzip;q=0.2, *;q=0.1": 200,
    "gzip;q=0, *": 0,
    "br;q=0.3": -1,
    identity: -1,
    gzipped: -1,
    "gzip;q=1.001": 0,
    "gzip;q=2": 0,
    "gzip;q=-1": 0,
    "gzip;q=.5": 0,
    "gzip;q=0.1234": 0,
    "gzip;q=0,5": 0,
    "gzip;q=0x1": 0,
    "gzip;q=": 0,
    "gzip;q": 0,
    "gzip;": 0,
    "gzip;level=1": 0,
  };
  for (const [field, expected] of Object.entries(table)) {
    const said = expected < 0 ? "unsaid" : `${expected} thousandths`;
    test(`in "${field}" is ${said}`, () => assert.equal(codingQuality(field, "gzip"), expected));
  }
});

describe("among br of 10 bytes, gzip of 20, and 30 as it is", () => {
  const table: Readonly<Record<string, string>> = {
    "": "as it is",
    gzip: "gzip",
    "gzip, br": "br",
    "*": "br",
    "gzip;q=0.9, br;q=0.8": "gzip",
    "gzip;q=0.001": "gzip",
    "identity, gzip;q=0.5": "as it is",
    "identity;q=0.5, gzip;q=0.5": "gzip",
    "identity;q=0": "as it is",
    "identity;q=0, *": "br",
    "*;q=0": "as it is",
    "*;q=0, gzip;q=0.1": "gzip",
    "br;q=0, *": "gzip",
    deflate: "as it is",
    "deflate, *;q=0.1": "br",
  };
  for (const [field, expected] of Object.entries(table)) {
    test(`"${field}" gets ${expected}`, () => {
      const names = ["br", "gzip"];
      assert.equal(names[chooseCoding(field, names, [10, 20], 30)] ?? "as it is", expected);
    });
  }
});

test("a variant larger than the file is sent only where the file itself is liked less", () => {
  assert.equal(chooseCoding("gzip, identity", ["gzip"], [40], 30), -1);
  assert.equal(chooseCoding("*", ["gzip"], [40], 30), -1);
  assert.equal(chooseCoding("gzip", ["gzip"], [40], 30), 0);
});

test("without variants there is nothing to choose", () => {
  assert.equal(chooseCoding("gzip, *", [], [], 30), -1);
  assert.equal(chooseCoding("identity;q=0", [], [], 30), -1);
});
