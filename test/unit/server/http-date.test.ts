import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatHttpDate, formatLogDate, parseHttpDate } from "../../../server/http-date.ts";

const nowMs = Date.UTC(2026, 6, 1);
const dayMs = 86_400_000;
const longDays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/** A moment of every third day or so from 1970 to 2100, at changing times of day, whole seconds. */
function* moments(): Generator<number> {
  for (let timeMs = 0; timeMs < Date.UTC(2100, 2, 2); timeMs += 3 * dayMs + 12_345_000) yield timeMs;
}

test("a date is written as Date#toUTCString writes it", () => {
  for (const timeMs of moments()) assert.equal(formatHttpDate(timeMs), new Date(timeMs).toUTCString());
});

test("every day of a leap year and the turn of each year are written right", () => {
  for (let day = 0; day < 366; day++) {
    const timeMs = Date.UTC(2024, 0, 1, 23, 59, 59) + day * dayMs;
    assert.equal(formatHttpDate(timeMs), new Date(timeMs).toUTCString());
  }
  for (let year = 1970; year < 2200; year++) {
    const timeMs = Date.UTC(year, 0, 1) - 1000;
    assert.equal(formatHttpDate(timeMs), new Date(timeMs).toUTCString());
  }
});

test("milliseconds are cut off, not rounded", () => {
  assert.equal(formatHttpDate(1999), "Thu, 01 Jan 1970 00:00:01 GMT");
});

test("a date that was written is read back", () => {
  for (const timeMs of moments()) assert.equal(parseHttpDate(formatHttpDate(timeMs), nowMs), timeMs);
});

test("the asctime form is read, with its day padded by a space", () => {
  for (const timeMs of moments()) {
    const [day = "", date = "", month = "", year = "", time = ""] = new Date(timeMs)
      .toUTCString()
      .split(/,? /);
    const asctime = `${day} ${month} ${String(Number(date)).padStart(2)} ${time} ${year}`;
    assert.equal(parseHttpDate(asctime, nowMs), timeMs, asctime);
  }
});

test("the RFC 850 form is read, its year the one not more than 50 years ahead", () => {
  for (const timeMs of moments()) {
    const date = new Date(timeMs);
    if (date.getUTCFullYear() < 1977 || date.getUTCFullYear() > 2076) continue;
    const [, day, month, year = "", time] = date.toUTCString().split(/,? /);
    const text = `${longDays[date.getUTCDay()]}, ${day}-${month}-${year.slice(2)} ${time} GMT`;
    assert.equal(parseHttpDate(text, nowMs), timeMs, text);
  }
});

test("a two-digit year is 50 years ahead at most, and otherwise past", () => {
  const year = (twoDigits: string, now: number) =>
    new Date(parseHttpDate(`Sunday, 06-Nov-${twoDigits} 08:49:37 GMT`, Date.UTC(now, 0, 1))).getUTCFullYear();
  assert.equal(year("76", 2026), 2076);
  assert.equal(year("77", 2026), 1977);
  assert.equal(year("26", 2026), 2026);
  assert.equal(year("00", 2026), 2000);
  assert.equal(year("99", 2060), 2099);
});

test("a leap second is a second", () => {
  assert.equal(parseHttpDate("Sat, 31 Dec 2016 23:59:60 GMT", nowMs), Date.UTC(2017, 0, 1));
});

describe("what is no date is refused:", () => {
  for (const text of [
    "",
    "0",
    "now",
    "Sun, 06 Nov 1994 08:49:37",
    "Sun, 06 Nov 1994 08:49:37 UTC",
    "Sun, 06 Nov 1994 08:49:37 gmt",
    "Sun, 06 Nov 1994 08:49:37 +0000",
    "Sun, 6 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 94 08:49:37 GMT",
    "Sun, 06 nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 8:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37 GMT ",
    " Sun, 06 Nov 1994 08:49:37 GMT",
    "Xyz, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06 Xyz 1994 08:49:37 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT",
    "Sun, 32 Nov 1994 08:49:37 GMT",
    "Sun, -6 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 06 Nov 1994 08:60:00 GMT",
    "Sun, 06 Nov 1994 08:49:61 GMT",
    "Sun, 06 Nov 1994 08-49-37 GMT",
    "Sun, 06 Nov 1994 0x:49:37 GMT",
    "Sunday, 06-Nov-94 08:49:37",
    "Sunday, 06-Nov-1994 08:49:37 GMT",
    "Sunday, 06-Xyz-94 08:49:37 GMT",
    "Sunday, 00-Nov-94 08:49:37 GMT",
    "Sunday, 06-Nov-9x 08:49:37 GMT",
    "Sun Nov 06 08:49:37 94",
    "Sun Nov  0 08:49:37 1994",
    "Sun Nov 32 08:49:37 1994",
    "Sun Xyz  6 08:49:37 1994",
    "Sun Nov  6 08:49:37 1994 GMT",
    "784111777",
    "1994-11-06T08:49:37Z",
  ]) {
    test(JSON.stringify(text), () => assert.equal(parseHttpDate(text, nowMs), -1));
  }
});

test("the log's date has a 24-hour clock, and its zone", () => {
  assert.equal(formatLogDate(Date.UTC(2000, 9, 10, 13, 55, 36)), "10/Oct/2000:13:55:36 +0000");
  assert.equal(formatLogDate(Date.UTC(2024, 0, 1)), "01/Jan/2024:00:00:00 +0000");
});
