/** The media type of a file, by its extension. */
import { prefixes, prefixMarks, table } from "./mime-table.ts";
import { textAt } from "./text.ts";

const fallback = "application/octet-stream";

/** Whether the whole word at `at` is `extension`: a space before it, a space or the line's end after it. */
function standsAlone(at: number, extension: string): boolean {
  const after = table.charAt(at + extension.length);
  return table.charAt(at - 1) === " " && (after === " " || after === "\n");
}

function expand(short: string): string {
  const mark = prefixMarks.indexOf(short.charAt(0));
  const type = mark < 0 ? short : `${prefixes[mark]}${short.slice(1)}`;
  return type.endsWith(";") ? `${type} charset=utf-8` : type;
}

/** The line's first word, the type, for a place in the line. */
function typeOfLineAt(at: number): string {
  let start = at;
  while (table.charAt(start - 1) !== "\n") start--;
  return expand(table.slice(start, table.indexOf(" ", start)));
}

/**
 * The value for Content-Type of a file with this name.
 * The table is searched, not parsed into a map: that would cost 150 kB of memory, and the answer is kept with the file.
 */
export function mediaType(name: string): string {
  const dot = name.split(".").length - 1;
  if (dot === 0) return fallback;
  const extension = textAt(name.split("."), dot).toLowerCase();
  if (extension === "" || extension.includes(" ") || extension.includes("\n")) return fallback;
  let at = table.indexOf(extension, 0);
  while (at >= 0) {
    if (standsAlone(at, extension)) return typeOfLineAt(at);
    at = table.indexOf(extension, at + 1);
  }
  return fallback;
}
