const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
/** Between a number and its unit no line ends. */
const space = "\u00a0";

/** `12 min ago`, `in 3 h`; further away than a month, the date. */
export function formatAgo(time: string, nowMs: number): string {
  const agoMs = nowMs - Date.parse(time);
  if (Math.abs(agoMs) > 30 * dayMs) return formatDate(time);
  if (Math.abs(agoMs) < minuteMs) return agoMs < -1000 ? "in a moment" : "just now";
  const [count, unit] = inLargestUnit(Math.abs(agoMs));
  return agoMs < 0 ? `in ${count}${space}${unit}` : `${count}${space}${unit} ago`;
}

function inLargestUnit(durationMs: number): [count: number, unit: string] {
  if (durationMs < hourMs) return [Math.floor(durationMs / minuteMs), "min"];
  if (durationMs < dayMs) return [Math.floor(durationMs / hourMs), "h"];
  const days = Math.floor(durationMs / dayMs);
  return [days, days === 1 ? "day" : "days"];
}

/** `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`. */
export function formatDuration(durationMs: number): string {
  // What would be rounded to 10.0 is told like what is longer.
  if (durationMs < 9950) return `${(durationMs / 1000).toFixed(1)}${space}s`;
  const seconds = Math.round(durationMs / 1000);
  if (seconds < 60) return `${seconds}${space}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60)
    return seconds % 60 === 0 ? `${minutes}${space}min` : `${minutes}${space}min ${seconds % 60}${space}s`;
  return `${Math.floor(minutes / 60)}${space}h ${minutes % 60}${space}min`;
}

export function formatBytes(bytes: number): string {
  if (bytes < 1_000_000) return `${Math.max(1, Math.round(bytes / 1000))}${space}kB`;
  return bytes < 1_000_000_000
    ? `${(bytes / 1_000_000).toFixed(1)}${space}MB`
    : `${(bytes / 1_000_000_000).toFixed(2)}${space}GB`;
}

export function formatDate(time: string): string {
  return new Date(time).toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });
}

export function formatTime(time: string): string {
  return new Date(time).toLocaleString(undefined, {
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
}

export function formatClock(time: string): string {
  return new Date(time).toLocaleTimeString(undefined, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
}

export function formatCount(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString()} ${count === 1 ? one : many}`;
}

export function shortDigest(digest: string): string {
  return digest.replace("sha256:", "").slice(0, 12);
}
