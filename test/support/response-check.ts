/** What every stream of responses has to be, whatever was asked. */
import { parseResponses } from "./raw-http.ts";

const statuses = [
  200, 204, 206, 301, 302, 303, 304, 307, 308, 400, 404, 405, 408, 412, 414, 416, 417, 431, 501, 503, 505,
];
/** After these the server can't know where the next request starts, so they end the connection. */
const endingStatuses = [408, 414, 417, 431, 501, 505];

/**
 * What is wrong with the bytes that a server sent over one connection, or "".
 * @param methods of the requests, in their order, as far as they are known; GET where not
 */
export function findResponseProblem(bytes: string, methods: readonly string[]): string {
  try {
    const { responses, rest } = parseResponses(Buffer.from(bytes, "latin1"), methods);
    if (rest.length > 0)
      return `ends within a response: ${JSON.stringify(rest.toString("latin1").slice(0, 200))}`;
    for (const [index, { status, fields }] of responses.entries()) {
      const isLast = index === responses.length - 1;
      const closes = fields.get("connection") === "close";
      if (!statuses.includes(status)) return `status ${status}`;
      if (closes && !isLast) return `response ${index + 1} says close, and another follows`;
      if (endingStatuses.includes(status) && !closes) return `${status} without Connection: close`;
      for (const required of [
        // RFC 9110 6.6.1: 5xx may lack it.
        ...(status < 500 ? ["date"] : []),
        // RFC 9110 15.3.7.2: not with several ranges.
        ...(status === 206 && !fields.get("content-type")?.startsWith("multipart/") ? ["content-range"] : []),
        ...(status === 405 ? ["allow"] : []),
      ]) {
        if (!fields.has(required)) return `${status} without ${required}`;
      }
    }
    return "";
  } catch (error) {
    return String(error);
  }
}
