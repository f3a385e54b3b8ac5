const unitsMs: readonly [unit: string, sizeMs: number][] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
];

/** `12 s`, `3 min`, `5 h`, `2 d`: one unit is enough to see how long. */
export function formatDuration(durationMs: number): string {
  const [unit, sizeMs] = unitsMs.find(([, size]) => durationMs >= size) ?? ["s", 1000];
  return `${Math.floor(Math.max(0, durationMs) / sizeMs)} ${unit}`;
}

/** `3 min ago`. */
export function formatAge(time: string, nowMs: number): string {
  return `${formatDuration(nowMs - Date.parse(time))} ago`;
}

/** `2026-12-24 18:00`, where the reader is. */
export function formatTime(time: string): string {
  const date = new Date(time);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** `18:00:07`, where the reader is. */
export function formatClock(time: string): string {
  const date = new Date(time);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
}

function two(count: number): string {
  return String(count).padStart(2, "0");
}

export function parseDuration(text: string): number | undefined {
  if (!/^(?:\d+(?:s|m|h|d))+$/.test(text)) return undefined;
  const sizesMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  return [...text.matchAll(/(\d+)([smhd])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (sizesMs[unit ?? ""] ?? 0),
    0,
  );
}

/**
 * What the API takes as `until`: a duration as it is, and a time with its offset. One without is meant where the
 * person is who types it, which is not always where the hook is.
 */
export function readUntil(text: string): string | undefined {
  if (parseDuration(text) !== undefined) return text;
  const [, day, clock = "00:00", offset] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?))?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? [];
  if (day === undefined) return undefined;
  const time = new Date(`${day}T${clock}${offset ?? ""}`);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}
