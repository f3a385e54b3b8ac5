// The moon's half day, and what it makes of the water when sun and moon pull together (spring) or apart (neap).
const halfLunarDayMs = 12.4206 * 3_600_000;
const springNeapMs = 14.7653 * 86_400_000;
const aHighWaterMs = Date.UTC(2025, 0, 1, 4, 10);

/** The high and low waters of a day where the reader is: `{ at, kind, metres }`, in order. */
export function tidesOf(date) {
  const from = new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  const to = new Date(date.getFullYear(), date.getMonth(), date.getDate() + 1).getTime();
  const first = Math.ceil((from - aHighWaterMs) / (halfLunarDayMs / 2));
  const tides = [];
  for (let index = first; aHighWaterMs + (index * halfLunarDayMs) / 2 < to; index++) {
    const at = new Date(aHighWaterMs + (index * halfLunarDayMs) / 2);
    const range = 1.6 + 0.6 * Math.cos((2 * Math.PI * (at.getTime() - aHighWaterMs)) / springNeapMs);
    const isHigh = index % 2 === 0;
    tides.push({ at, kind: isHigh ? "High" : "Low", metres: (3 + (isHigh ? range : -range)).toFixed(1) });
  }
  return tides;
}
