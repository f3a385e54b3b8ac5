/** What is wrong in `_headers` or `_redirects`, line by line. */

/** As Cloudflare Pages allows for `_headers`. */
export const maxLineLength = 2000;
/** More of them say no more, and would flood the log at every change. */
const maxReported = 20;
const maxQuotedLength = 60;

/** Whoever wrote the site need not be who reads the log: nothing in a line moves a terminal's cursor or ends the line. */
function printable(text: string): string {
  const parts: string[] = [];
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 32 && (code < 127 || code > 159)) continue;
    parts.push(text.slice(from, i), "?");
    from = i + 1;
  }
  parts.push(text.slice(from));
  return parts.join("");
}

export class Problems {
  readonly file: string;
  readonly lines: string[] = [];
  private count = 0;
  constructor(file: string) {
    this.file = file;
  }

  /** @param number of the line, from 1 */
  add(number: number, line: string, reason: string): void {
    this.count += 1;
    const place = `${this.file}:${number}: `;
    const quoted = line.length > maxQuotedLength ? `${line.slice(0, maxQuotedLength)}…` : line;
    if (this.count <= maxReported) this.lines.push(printable(`${place}${reason}: ${quoted}`));
    else if (this.count === maxReported + 1) this.lines.push(`${place}and more problems from here on`);
  }
}
