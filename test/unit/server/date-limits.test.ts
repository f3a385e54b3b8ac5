import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHttpDate } from "../../../server/http-date.ts";

const nowMs = Date.UTC(2026, 0, 1);

test("a day that its month does not have is no date", () => {
  for (const text of [
    "Sun, 31 Feb 2021 00:00:00 GMT",
    "Mon, 29 Feb 2021 00:00:00 GMT",
    "Fri, 31 Apr 2021 00:00:00 GMT",
    "Friday, 31-Apr-21 00:00:00 GMT",
    "Fri Apr 31 00:00:00 2021",
  ]) {
    assert.equal(parseHttpDate(text, nowMs), -1, text);
  }
  assert.equal(parseHttpDate("Thu, 29 Feb 2024 00:00:00 GMT", nowMs), Date.UTC(2024, 1, 29));
});

test("a date before 1970 is before every file, not in the next century", () => {
  for (const text of [
    "Fri, 01 Jan 1960 00:00:00 GMT",
    "Sat, 01 Jan 0094 00:00:00 GMT",
    "Friday, 01-Jan-60 00:00:00 GMT".replace("-60", "-77"),
  ]) {
    const parsed = parseHttpDate(text, nowMs);
    assert.ok(parsed >= 0 && parsed < Date.UTC(1978, 0, 1), text);
  }
});

test("a name of a day or a separator that is none makes no date", () => {
  for (const text of [
    "Xun, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06-Nov-1994 08:49:37 GMT",
    "Sun, 06 Nov 1994T08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37 UTC",
    "Someday, 06-Nov-94 08:49:37 GMT",
    "Sunday, 06 Nov 94 08:49:37 GMT",
    "Xun Nov  6 08:49:37 1994",
    "Sun-Nov  6 08:49:37 1994",
  ]) {
    assert.equal(parseHttpDate(text, nowMs), -1, text);
  }
});
