import { z } from "zod";

/** When a service's webhooks may be deployed: on these days, from one time of day until before another. */
export interface Window {
  days: readonly Day[];
  fromMinute: number;
  /** Not after `fromMinute` when the window goes over midnight; it belongs to the day on which it begins. */
  toMinute: number;
  zone: string;
}

const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

export type Day = (typeof days)[number];

const minutesADay = 24 * 60;

export function isWithin({ days: open, fromMinute, toMinute, zone }: Window, timeMs: number): boolean {
  const { day, minute } = localTime(timeMs, zone);
  if (fromMinute < toMinute) return open.includes(day) && minute >= fromMinute && minute < toMinute;
  if (minute >= fromMinute) return open.includes(day);
  return minute < toMinute && open.includes(dayBefore(day));
}

/** `mon, tue 09:00–17:00 Europe/Berlin` */
export function describeWindow({ days: open, fromMinute, toMinute, zone }: Window): string {
  const when = open.length === days.length ? "" : `${open.join(", ")} `;
  return `${when}${formatMinute(fromMinute)}–${formatMinute(toMinute)} ${zone}`;
}

function formatMinute(minute: number): string {
  return [Math.floor(minute / 60), minute % 60].map((part) => String(part).padStart(2, "0")).join(":");
}

function dayBefore(day: Day): Day {
  return days[(days.indexOf(day) + 6) % 7] ?? day;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** The weekday and the minute of the day on a wall clock of that zone. */
function localTime(timeMs: number, zone: string): { day: Day; minute: number } {
  const format = formats.get(zone) ?? createFormat(zone);
  formats.set(zone, format);
  const parts = Object.fromEntries(format.formatToParts(timeMs).map(({ type, value }) => [type, value]));
  const day = days.find((name) => name === parts["weekday"]?.toLowerCase()) ?? "mon";
  return { day, minute: Number(parts["hour"]) * 60 + Number(parts["minute"]) };
}

function createFormat(timeZone: string): Intl.DateTimeFormat {
  const shown = { weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
  return new Intl.DateTimeFormat("en-US", { timeZone, ...shown });
}

export function windowSchema() {
  return z
    .strictObject({
      days: z.array(dayField).min(1, "must name at least one day").prefault(["mon-sun"]),
      from: timeField.describe('the time of day at which it opens, such as "09:00"'),
      to: timeField.describe('the time of day at which it closes, such as "17:00"'),
      zone: zoneField,
    })
    .transform(
      (given): Window => ({
        days: given.days.flat(),
        fromMinute: given.from % minutesADay,
        toMinute: given.to,
        zone: given.zone,
      }),
    )
    .describe("when webhooks may be deployed: { days, from, to, zone }");
}

const dayField = z
  .string()
  .transform((text, context): Day[] => {
    const [first, last = first] = text
      .toLowerCase()
      .split("-")
      .map((name) => (days as readonly string[]).indexOf(name));
    if (first !== undefined && last !== undefined && first >= 0 && last >= 0 && text.split("-").length <= 2) {
      const count = ((last - first + 7) % 7) + 1;
      return [...days, ...days].slice(first, first + count);
    }
    context.addIssue({
      code: "custom",
      message: "not a day; write mon, tue, wed, thu, fri, sat, sun or mon-fri",
    });
    return z.NEVER;
  })
  .describe("days such as mon or mon-fri");

/** Minutes since midnight. YAML reads an unquoted 09:00 as a text, too. */
const timeField = z.string().transform((text, context) => {
  const [, hour, minute] = /^(\d\d?):(\d\d)$/.exec(text) ?? [];
  const total = Number(hour) * 60 + Number(minute);
  if (hour !== undefined && Number(minute) < 60 && total <= minutesADay) return total;
  context.addIssue({ code: "custom", message: 'not a time of day; write it as "09:00", at most "24:00"' });
  return z.NEVER;
});

const zoneField = z
  .string()
  .refine(isZone, "not a time zone; write its IANA name, such as Europe/Berlin or UTC")
  .default("UTC")
  .describe("the time zone of from and to, such as Europe/Berlin");

function isZone(name: string): boolean {
  try {
    createFormat(name);
    return true;
  } catch {
    return false;
  }
}
