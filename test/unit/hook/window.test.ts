import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { z } from "zod";
import { isWithin, windowSchema } from "../../../hook/queue/window.ts";

type Given = z.input<ReturnType<typeof windowSchema>>;

const office: Given = { days: ["mon-fri"], from: "09:00", to: "17:00", zone: "Europe/Berlin" };
const night: Given = { days: ["fri"], from: "22:00", to: "04:00", zone: "UTC" };
const always: Given = { from: "00:00", to: "24:00" };
const weekend: Given = { days: ["sat-mon"], from: "00:00", to: "24:00", zone: "America/New_York" };
const early: Given = { days: ["sun"], from: "02:00", to: "03:30", zone: "Europe/Berlin" };

/** In UTC. 2026-03-29 is the Sunday on which Berlin's clocks go from 2:00 to 3:00, 2026-10-25 back from 3:00. */
const cases: readonly [Given, time: string, isOpen: boolean, why: string][] = [
  [office, "2026-01-05T08:00Z", true, "9:00 in winter"],
  [office, "2026-01-05T07:59Z", false, "8:59 in winter"],
  [office, "2026-01-05T15:59Z", true, "16:59"],
  [office, "2026-01-05T16:00Z", false, "17:00 is after it"],
  [office, "2026-07-06T07:00Z", true, "9:00 in summer"],
  [office, "2026-07-06T06:59Z", false, "8:59 in summer"],
  [office, "2026-01-03T10:00Z", false, "a Saturday"],
  [night, "2026-01-02T21:59Z", false, "before it opens"],
  [night, "2026-01-02T22:00Z", true, "Friday evening"],
  [night, "2026-01-03T03:59Z", true, "the morning after belongs to Friday"],
  [night, "2026-01-03T04:00Z", false, "closed"],
  [night, "2026-01-03T22:30Z", false, "Saturday evening"],
  [night, "2026-01-02T03:00Z", false, "Friday's own morning belongs to Thursday"],
  [always, "2026-01-03T23:59:59Z", true, "without days, all of them"],
  [always, "2026-01-04T00:00Z", true, "midnight"],
  [weekend, "2026-01-03T04:59Z", false, "still Friday in New York"],
  [weekend, "2026-01-03T05:00Z", true, "Saturday in New York"],
  [weekend, "2026-01-06T04:59Z", true, "still Monday in New York"],
  [early, "2026-03-29T00:59Z", false, "1:59, then comes 3:00"],
  [early, "2026-03-29T01:00Z", true, "3:00 right away"],
  [early, "2026-03-29T01:30Z", false, "3:30"],
  [early, "2026-10-25T00:30Z", true, "2:30 for the first time"],
  [early, "2026-10-25T01:29Z", true, "2:29 for the second time"],
];

describe("a time window", () => {
  for (const [given, time, isOpen, why] of cases) {
    test(`of ${given.days ?? "all days"} ${given.from}–${given.to} is ${isOpen ? "open" : "closed"} at ${time}: ${why}`, () => {
      assert.equal(isWithin(windowSchema().parse(given), Date.parse(time)), isOpen);
    });
  }

  const wrong: readonly [Partial<Record<keyof Given, unknown>>, RegExp][] = [
    [{ days: ["monday"] }, /not a day/],
    [{ days: ["mon-fri-sun"] }, /not a day/],
    [{ days: [] }, /at least one day/],
    [{ from: "9" }, /not a time of day/],
    [{ to: "24:01" }, /not a time of day/],
    [{ to: "12:60" }, /not a time of day/],
    [{ zone: "Europe/Berln" }, /not a time zone/],
  ];
  for (const [change, message] of wrong) {
    test(`cannot have ${JSON.stringify(change)}`, () => {
      const { error } = windowSchema().safeParse({ ...office, ...change });
      assert.match(error?.issues[0]?.message ?? "", message);
    });
  }
});
