/**
 * Reads the head of a request as RFC 9112 and 9110 define it, with their grammar written as regular expressions: slow,
 * and made without a look at the server's parser, so that the two can be held against each other.
 */

export interface StrictRequest {
  readonly method: string;
  readonly target: string;
  readonly minor: number;
  /** Lower-case names; values of fields that came several times joined by ", ". */
  readonly fields: ReadonlyMap<string, string>;
  /** -1 for chunked. */
  readonly contentLength: number;
  readonly keepAlive: boolean;
}

/** Why a head is refused: a rule of the RFC, or one that a server may set itself. */
export interface Refusal {
  readonly rule: string;
}

// RFC 9110 5.6.2
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
// RFC 9112 3, with the octets above 127 that clients send in paths.
const requestLine = new RegExp(`^(${token}) ([!-~\\x80-\\xff]+) HTTP/(\\d)\\.(\\d)$`);
// RFC 9112 5 and RFC 9110 5.5: field-vchar is VCHAR or obs-text, with SP and HTAB between; no obs-fold.
const fieldLine = new RegExp(
  `^(${token}):[ \\t]*((?:[!-~\\x80-\\xff](?:[ \\t!-~\\x80-\\xff]*[!-~\\x80-\\xff])?)?)[ \\t]*$`,
);

// RFC 9110 7.2: uri-host [ ":" port ]
const host = /^(\[[0-9A-Fa-f:.]{2,}\]|([A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(:[0-9]*)?$/;

function listOf(value: string | undefined): string[] {
  return (value ?? "").split(",").map((item) => item.replaceAll(/^[ \t]+|[ \t]+$/g, "").toLowerCase());
}

function readFields(lines: readonly string[]): Map<string, string[]> | Refusal {
  const fields = new Map<string, string[]>();
  for (const line of lines) {
    const match = fieldLine.exec(line);
    if (match === null) return { rule: "RFC 9112 5: a line that is no field" };
    const name = String(match[1]).toLowerCase();
    fields.set(name, [...(fields.get(name) ?? []), match[2] ?? ""]);
  }
  return fields;
}

/** RFC 9112 6.3, for requests. */
function readContentLength(fields: ReadonlyMap<string, readonly string[]>, minor: number): number | Refusal {
  const codings = fields.get("transfer-encoding");
  const lengths = fields.get("content-length");
  if (codings !== undefined) {
    if (lengths !== undefined) return { rule: "RFC 9112 6.3: Transfer-Encoding with Content-Length" };
    if (minor === 0) return { rule: "RFC 9112 6.1: Transfer-Encoding in HTTP/1.0" };
    const names = listOf(codings.join(",")).filter((name) => name !== "");
    if (names.length !== 1 || names[0] !== "chunked")
      return { rule: "RFC 9112 6.1: a coding not understood" };
    return -1;
  }
  if (lengths === undefined) return 0;
  const values = new Set(lengths.map((length) => (/^\d{1,15}$/.test(length) ? Number(length) : Number.NaN)));
  const [length = Number.NaN] = values;
  if (values.size !== 1 || Number.isNaN(length)) return { rule: "RFC 9112 6.3: an invalid Content-Length" };
  return length;
}

/** RFC 9112 9.3 */
function isPersistent(minor: number, connection: readonly string[] | undefined): boolean {
  const options = listOf(connection?.join(","));
  if (options.includes("close")) return false;
  return minor === 1 || options.includes("keep-alive");
}

/** @param text a head with its blank line, a character a byte */
export function readStrictly(text: string): StrictRequest | Refusal {
  if (!text.endsWith("\r\n\r\n")) return { rule: "RFC 9112 2.1: no blank line at the end" };
  const [first = "", ...lines] = text.slice(0, -4).split("\r\n");
  const match = requestLine.exec(first);
  if (match === null) return { rule: "RFC 9112 3: no request line" };
  const [, method = "", target = "", major, minorDigit] = match;
  const minor = Number(minorDigit);
  if (major !== "1" || minor > 1) return { rule: "RFC 9110 15.6.6: another version" };
  const fields = readFields(lines);
  if ("rule" in fields) return fields;
  const hosts = fields.get("host") ?? [];
  if (hosts.length > 1 || (minor === 1 && hosts.length === 0)) return { rule: "RFC 9112 3.2: one Host" };
  if (!host.test(hosts[0] ?? "")) return { rule: "RFC 9112 3.2: an invalid Host" };
  const contentLength = readContentLength(fields, minor);
  if (typeof contentLength !== "number") return contentLength;
  const expectations = (fields.get("expect") ?? []).filter((value) => value !== "");
  if (expectations.length > 1 || (expectations[0] ?? "100-continue").toLowerCase() !== "100-continue")
    return { rule: "RFC 9110 10.1.1: an expectation not met" };
  const joined = [...fields].map(
    ([name, values]) => [name, values.filter((value) => value !== "").join(", ")] as const,
  );
  return {
    method,
    target,
    minor,
    fields: new Map(joined),
    contentLength,
    keepAlive: isPersistent(minor, fields.get("connection")),
  };
}
