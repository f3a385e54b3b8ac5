import stringWidth from "string-width";
import { clean, type Style } from "./terminal.ts";

export interface Cell {
  text: string;
  style?: Style;
}

export interface Column {
  title: string;
  isNumber?: boolean;
  /** Gives way down to this width when the table is wider than the terminal. */
  minimumWidth?: number;
}

const gap = "  ";
/** Of a terminal that says 0, as one does whose size nobody has told it. */
const usualWidth = 80;
const ellipsis = "…";

/** Aligned columns under their titles; nothing but what stands in the last one is cut, unless it must be. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly (Cell | string)[])[],
  width: number | undefined,
  paint: (text: string, style: Style | undefined) => string,
): string[] {
  const titles = columns.map(({ title }): Cell => ({ text: title, style: "dim" }));
  const cells = [titles, ...rows.map((row) => row.map(toCell))];
  const natural = columns.map((_, index) =>
    Math.max(...cells.map((row) => stringWidth(row[index]?.text ?? ""))),
  );
  const available = width === 0 ? usualWidth : (width ?? Number.POSITIVE_INFINITY);
  const widths = fit(columns, natural, available);
  return cells.map((row) => {
    const parts = columns.map((column, index) => {
      const { text, style } = row[index] ?? { text: "" };
      const padded = pad(cut(text, widths[index] ?? 0), widths[index] ?? 0, column.isNumber ?? false);
      // The last column's padding would only wrap a narrow terminal's lines.
      return paint(index === columns.length - 1 ? padded.trimEnd() : padded, style);
    });
    return parts.join(gap).trimEnd();
  });
}

function toCell(cell: Cell | string): Cell {
  return typeof cell === "string" ? { text: clean(cell) } : { ...cell, text: clean(cell.text) };
}

/** Takes from the widest column that gives way, until it fits or none does any more. */
function fit(columns: readonly Column[], natural: readonly number[], available: number): number[] {
  const widths = [...natural];
  const total = () => widths.reduce((sum, width) => sum + width, gap.length * (widths.length - 1));
  while (total() > available) {
    const widest = columns
      .map(({ minimumWidth }, index) => ({ index, spare: (widths[index] ?? 0) - (minimumWidth ?? Infinity) }))
      .filter(({ spare }) => spare > 0)
      .sort((a, b) => (widths[b.index] ?? 0) - (widths[a.index] ?? 0))[0];
    if (widest === undefined) break;
    widths[widest.index] = (widths[widest.index] ?? 0) - 1;
  }
  return widths;
}

/** At most `width` columns of a terminal; what a person sees as one letter is never taken apart. */
export function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let kept = "";
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (stringWidth(kept + segment) > width - 1) break;
    kept += segment;
  }
  return width < 1 ? "" : `${kept}${ellipsis}`;
}

function pad(text: string, width: number, isNumber: boolean): string {
  const padding = " ".repeat(Math.max(0, width - stringWidth(text)));
  return isNumber ? padding + text : text + padding;
}
