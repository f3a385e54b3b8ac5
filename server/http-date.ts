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

function assemble(year: number, month: number, day: number, time: number): number {
  if (year < 0 || month < 0 || day < 1 || day > 31 || time < 0) return -1;
  return Date.UTC(year, month, day) + time;
}

/** RFC 9110 5.6.7: a two-digit year more than 50 years ahead is of the past century. */
function fullYear(twoDigitYear: number, nowMs: number): number {
  if (twoDigitYear < 0) return -1;
  const thisYear = new Date(nowMs).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + twoDigitYear;
  return year > thisYear + 50 ? year - 100 : year;
}

/** Milliseconds since 1970 of any of the three formats, or -1 where the text is none of them. */
export function parseHttpDate(text: string, nowMs: number): number {
  const comma = text.indexOf(", ");
  if (comma === 3) {
    // Sun, 06 Nov 1994 08:49:37 GMT
    if (text.length !== 29 || !text.endsWith(" GMT") || !days.includes(text.slice(0, 3))) return -1;
    const month = months.indexOf(text.slice(8, 11));
    return assemble(digits(text, 12, 16), month, digits(text, 5, 7), timeOfDayMs(text, 17));
  }
  if (comma > 3) {
    // Sunday, 06-Nov-94 08:49:37 GMT
    const at = comma + 2;
    if (text.length !== at + 22 || !text.endsWith(" GMT")) return -1;
    const month = months.indexOf(text.slice(at + 3, at + 6));
    return assemble(
      fullYear(digits(text, at + 7, at + 9), nowMs),
      month,
      digits(text, at, at + 2),
      timeOfDayMs(text, at + 10),
    );
  }
  // Sun Nov  6 08:49:37 1994
  if (text.length !== 24) return -1;
  const month = months.indexOf(text.slice(4, 7));
  const day = text.charAt(8) === " " ? digits(text, 9, 10) : digits(text, 8, 10);
  return assemble(digits(text, 20, 24), month, day, timeOfDayMs(text, 11));
}
