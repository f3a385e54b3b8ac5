import type { Day } from "./answers.ts";

/** Of every chart, in units of its own: it is stretched to the place there is. */
export const chartSize = { width: 320, height: 96 } as const;
/** Above and below a line, so that its points are not cut off. */
const margin = 4;

export function totalOf({ succeeded, failed, rolledBack }: Day): number {
  return succeeded + failed + rolledBack;
}

/** Between 0 and 1; `null` on a day on which nothing was tried. */
export function rateOf(day: Day): number | null {
  const tried = totalOf(day);
  return tried === 0 ? null : day.succeeded / tried;
}

/** The day with the most deployments, the first of several. */
export function peakOf([first, ...rest]: readonly Day[]): Day | undefined {
  return rest.reduce((best, day) => (best !== undefined && totalOf(day) > totalOf(best) ? day : best), first);
}

/** Paths of the bars: what went well from the ground up, and on top of it what did not. */
export function drawBars(days: readonly Day[]): { good: string; bad: string } {
  const { width, height } = chartSize;
  const most = Math.max(1, ...days.map(totalOf));
  const step = width / days.length;
  const bar = (from: number, count: number, index: number) => {
    if (count === 0) return "";
    const top = height - ((from + count) / most) * height;
    const breadth = (step - 2).toFixed(1);
    return `M${(index * step + 1).toFixed(1)} ${top.toFixed(1)}h${breadth}v${((count / most) * height).toFixed(1)}h-${breadth}z`;
  };
  return {
    good: days.map((day, index) => bar(0, day.succeeded, index)).join(""),
    bad: days.map((day, index) => bar(day.succeeded, day.failed + day.rolledBack, index)).join(""),
  };
}

export interface DrawnLine {
  line: string;
  dots: string;
  /** The least and the greatest; `undefined` when there is nothing to tell. */
  range: [least: number, greatest: number] | undefined;
}

/** Days with nothing to tell are passed over. `top` is the scale's end, the greatest value when it is left out. */
export function drawLine(values: readonly (number | null)[], top?: number): DrawnLine {
  const { width, height } = chartSize;
  const points = values.flatMap((value, index) => (value === null ? [] : [{ index, value }]));
  if (points.length === 0) return { line: "", dots: "", range: undefined };
  const known = points.map(({ value }) => value);
  const greatest = top ?? Math.max(1, ...known);
  const at = ({ index, value }: { index: number; value: number }) => {
    const x = ((index + 0.5) * width) / values.length;
    const y = height - margin - (value / greatest) * (height - 2 * margin);
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  };
  return {
    line: `M${points.map(at).join("L")}`,
    dots: points.map((point) => `M${at(point)}h.01`).join(""),
    range: [Math.min(...known), Math.max(...known)],
  };
}
