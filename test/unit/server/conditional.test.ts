import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { evaluatePreconditions, rangeApplies, tagListMatches } from "../../../server/conditional.ts";
import { Head } from "../../../server/head/head.ts";
import { formatHttpDate } from "../../../server/http-date.ts";

const modifiedMs = Date.UTC(2020, 1, 29, 12);
const nowMs = Date.UTC(2026, 0, 1);
const tag = '"a"';
const at = (offsetSeconds: number) => formatHttpDate(modifiedMs + offsetSeconds * 1000);

function headWith(fields: Partial<Head>): Head {
  return Object.assign(new Head(), fields);
}

describe("a list of tags", () => {
  const table: readonly (readonly [string, string, boolean, boolean])[] = [
    // list, tag, weakly, strongly
    ['"a"', '"a"', true, true],
    ['W/"a"', '"a"', true, false],
    ['"a"', 'W/"a"', true, false],
    ['W/"a"', 'W/"a"', true, false],
    ['"b", "a"', '"a"', true, true],
    ['"b" ,\t"a" ,', '"a"', true, true],
    [',,"a"', '"a"', true, true],
    ["*", '"a"', true, true],
    [" * ", '"a"', true, true],
    ['"A"', '"a"', false, false],
    ["a", '"a"', false, false],
    ['w/"a"', '"a"', false, false],
    ['W/ "a"', '"a"', false, false],
    ['"b"', '"a"', false, false],
    ['"x,"a",y"', '"a"', false, false],
    ['"b, "', '"a"', false, false],
    ['"a', '"a"', false, false],
    ['"*"', '"a"', false, false],
    ['"a,b"', '"a,b"', true, true],
  ];
  for (const [list, etag, weakly, strongly] of table) {
    test(`${list} holds ${etag} ${weakly ? "weakly" : "neither weakly"}${strongly ? " and strongly" : weakly ? " alone" : " nor strongly"}`, () => {
      assert.equal(tagListMatches(list, etag, false), weakly);
      assert.equal(tagListMatches(list, etag, true), strongly);
    });
  }
});

describe("preconditions", () => {
  const table: readonly (readonly [string, Partial<Head>, number])[] = [
    ["none goes on", {}, 0],
    ["If-Match that holds goes on", { ifMatch: tag }, 0],
    ["If-Match that does not is 412", { ifMatch: '"b"' }, 412],
    ["If-Unmodified-Since of the same second goes on", { ifUnmodifiedSince: at(0) }, 0],
    ["If-Unmodified-Since later goes on", { ifUnmodifiedSince: at(1) }, 0],
    ["If-Unmodified-Since earlier is 412", { ifUnmodifiedSince: at(-1) }, 412],
    ["If-Unmodified-Since that is no date is ignored", { ifUnmodifiedSince: "soon" }, 0],
    ["If-Match overrides If-Unmodified-Since", { ifMatch: tag, ifUnmodifiedSince: at(-1) }, 0],
    ["If-None-Match that holds is 304", { ifNoneMatch: tag }, 304],
    ["If-None-Match that does not goes on", { ifNoneMatch: '"b"' }, 0],
    ["If-Modified-Since of the same second is 304", { ifModifiedSince: at(0) }, 304],
    ["If-Modified-Since later is 304", { ifModifiedSince: at(1) }, 304],
    ["If-Modified-Since earlier goes on", { ifModifiedSince: at(-1) }, 0],
    ["If-Modified-Since that is no date is ignored", { ifModifiedSince: "soon" }, 0],
    ["two dates in one field are none", { ifModifiedSince: `${at(0)}, ${at(0)}` }, 0],
    ["If-None-Match overrides If-Modified-Since", { ifNoneMatch: '"b"', ifModifiedSince: at(0) }, 0],
    ["a failed If-Match comes before If-None-Match", { ifMatch: '"b"', ifNoneMatch: tag }, 412],
    ["a fulfilled If-Match leaves If-None-Match its say", { ifMatch: tag, ifNoneMatch: tag }, 304],
    ["a failed If-Unmodified-Since comes first too", { ifUnmodifiedSince: at(-1), ifNoneMatch: tag }, 412],
  ];
  for (const [title, fields, status] of table) {
    test(title, () => assert.equal(evaluatePreconditions(headWith(fields), tag, modifiedMs, nowMs), status));
  }

  test("of 1970, as reproducible builds have it, are dates like others", () => {
    const epoch = "Thu, 01 Jan 1970 00:00:00 GMT";
    assert.equal(evaluatePreconditions(headWith({ ifModifiedSince: epoch }), tag, 0, nowMs), 304);
    assert.equal(evaluatePreconditions(headWith({ ifUnmodifiedSince: epoch }), tag, 1000, nowMs), 412);
  });
});

describe("If-Range", () => {
  const table: readonly (readonly [string, string, boolean])[] = [
    ["that is absent keeps the range", "", true],
    ["with the tag keeps the range", tag, true],
    ["with another tag does not", '"b"', false],
    ["with the weak tag does not", 'W/"a"', false],
    ["with a list of tags does not", '"a", "b"', false],
    ["with the date keeps the range", at(0), true],
    ["with a later date does not, unlike If-Unmodified-Since", at(1), false],
    ["with an earlier date does not", at(-1), false],
    ["with neither a tag nor a date does not", "a", false],
    ["with an asterisk does not", "*", false],
  ];
  for (const [title, ifRange, applies] of table) {
    test(title, () => assert.equal(rangeApplies(headWith({ ifRange }), tag, modifiedMs, nowMs), applies));
  }

  test("with a weak tag of the file does not", () => {
    assert.equal(rangeApplies(headWith({ ifRange: 'W/"a"' }), 'W/"a"', modifiedMs, nowMs), false);
  });

  test("with the date of a file that changed within this second does not", () => {
    const head = headWith({ ifRange: at(0) });
    assert.equal(rangeApplies(head, tag, modifiedMs, modifiedMs + 999), false);
    assert.equal(rangeApplies(head, tag, modifiedMs, modifiedMs + 1001), true);
  });
});
