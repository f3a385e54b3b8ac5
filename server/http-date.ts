/** Dates of HTTP (RFC 9110 5.6.7). Written by hand: the native runtime has no toUTCString. */
import { textAt } from "./text.ts";

const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : `${value}`;
}

/** `Sun, 06 Nov 1994 08:49:37 GMT` */
export function formatHttpDate(timeMs: number): string {
  const date = new Date(timeMs);
  const day = textAt(days, date.getUTCDay());
  const month = textAt(months, date.getUTCMonth());
  const time = `${twoDigits(date.getUTCHours())}:${twoDigits(date.getUTCMinutes())}:${twoDigits(date.getUTCSeconds())}`;
  return `${day}, ${twoDigits(date.getUTCDate())} ${month} ${yearText(date)} ${time} GMT`;
}

/** `10/Oct/2000:13:55:36 +0000`, as Apache's logs have it. */
export function formatLogDate(timeMs: number): string {
  const date = new Date(timeMs);
  const month = textAt(months, date.getUTCMonth());
  const time = `${twoDigits(date.getUTCHours())}:${twoDigits(date.getUTCMinutes())}:${twoDigits(date.getUTCSeconds())}`;
  return `${twoDigits(date.getUTCDate())}/${month}/${yearText(date)}:${time} +0000`;
}

function yearText(date: Date): string {
  return `${date.getUTCFullYear()}`.padStart(4, "0");
}

/** The digits of text from start to end as a number, or -1. */
function digits(text: string, start: number, end: number): number {
  if (text.length < end) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** `hh:mm:ss` at `start` as milliseconds, or -1. A leap second (60) is allowed. */
function timeOfDayMs(text: string, start: number): number {
  const hour = digits(text, start, start + 2);
  const minute = digits(text, start + 3, start + 5);
  const second = digits(text, start + 6, start + 8);
  if (text.charAt(start + 2) !== ":" || text.charAt(start + 5) !== ":") return -1;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return -1;
  return ((hour * 60 + minute) * 60 + second) * 1000;
}

const daysInMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Milliseconds since 1970; a date before that counts as 1970, which compares the same with any file's. */
function assemble(year: number, month: number, day: number, time: number): number {
  if (year < 0 || month < 0 || day < 1 || day > (daysInMonth[month] ?? 0) || time < 0) return -1;
  if (day === 29 && month === 1 && new Date(Date.UTC(year, 1, 29)).getUTCMonth() !== 1) return -1;
  // Date.UTC takes years below 100 for those of the past century.
  return year < 1970 ? 0 : Date.UTC(year, month, day) + time;
}

/** RFC 9110 5.6.7: a two-digit year more than 50 years ahead is of the past century. */
function fullYear(twoDigitYear: number, nowMs: number): number {
  if (twoDigitYear < 0) return -1;
  const thisYear = new Date(nowMs).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + twoDigitYear;
  return year > thisYear + 50 ? year - 100 : year;
}

const longDays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/** Whether the characters at these places are these. */
function separated(text: string, places: readonly number[], characters: string): boolean {
  let i = 0;
  for (const place of places) {
    if (text.charAt(place) !== characters.charAt(i)) return false;
    i++;
  }
  return true;
}

/** `Sun, 06 Nov 1994 08:49:37 GMT` */
function parseFixdate(text: string): number {
  if (text.length !== 29 || !days.includes(text.slice(0, 3)) || !separated(text, [7, 11, 16], "   "))
    return -1;
  return assemble(
    digits(text, 12, 16),
    months.indexOf(text.slice(8, 11)),
    digits(text, 5, 7),
    timeOfDayMs(text, 17),
  );
}

/** `Sunday, 06-Nov-94 08:49:37 GMT`; @param at where the day of the month starts */
function parseRfc850(text: string, at: number, nowMs: number): number {
  if (text.length !== at + 22 || !longDays.includes(text.slice(0, at - 2))) return -1;
  if (!separated(text, [at + 2, at + 6, at + 9], "-- ")) return -1;
  const year = fullYear(digits(text, at + 7, at + 9), nowMs);
  return assemble(
    year,
    months.indexOf(text.slice(at + 3, at + 6)),
    digits(text, at, at + 2),
    timeOfDayMs(text, at + 10),
  );
}

/** `Sun Nov  6 08:49:37 1994` */
function parseAsctime(text: string): number {
  if (text.length !== 24 || !days.includes(text.slice(0, 3)) || !separated(text, [3, 7, 10, 19], "    "))
    return -1;
  const day = text.charAt(8) === " " ? digits(text, 9, 10) : digits(text, 8, 10);
  return assemble(digits(text, 20, 24), months.indexOf(text.slice(4, 7)), day, timeOfDayMs(text, 11));
}

/** Milliseconds since 1970 of any of the three formats, or -1 where the text is none of them. */
export function parseHttpDate(text: string, nowMs: number): number {
  const comma = text.indexOf(", ");
  if (comma < 0) return parseAsctime(text);
  if (!text.endsWith(" GMT")) return -1;
  return comma === 3 ? parseFixdate(text) : parseRfc850(text, comma + 2, nowMs);
}
