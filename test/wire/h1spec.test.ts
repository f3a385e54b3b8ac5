/** What h1spec (https://github.com/uNetworking/h1spec) asks of a server, on every runtime. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseResponses, RawClient } from "../support/raw-http.ts";
import { runtimes, type ServerProcess, startServer } from "../support/server-process.ts";
import { makeSiteFolder } from "../support/site-folder.ts";

const whole = "GET /page.html HTTP/1.1\r\nHost: localhost\r\n\r\n";
/** Between two parts of a head: long enough that an answer would be there. */
const silenceMs = 300;

const get = (lines: string) => `GET / HTTP/1.1\r\n${lines}\r\n\r\n`;

const answers: readonly (readonly [title: string, request: string, status: number])[] = [
  ["a valid GET", get("Host: example.com"), 200],
  [
    "a name in mixed case, a tab before the value, a field without one",
    get("hoSt:\texample.com\r\nempty:"),
    200,
  ],
  ["a field of nothing but a space", get("Host: example.com\r\nX-Empty: "), 200],
  // 100 and 200 are right: RFC 9110 10.1.1 lets a server leave out the first where no content is awaited.
  ["Expect: 100-continue", get("Host: example.com\r\nExpect: 100-continue"), 200],
  // There, 200 and 404 are right; a server of files has 405 for it (RFC 9110 15.5.6).
  ["a valid POST", "POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 5\r\n\r\nhello", 405],
  ["no version", "GET / \r\n\r\n", 400],
  ["another major version", "GET / HTTP/9.9\r\nHost: example.com\r\n\r\n", 505],
  ["something before the method", `Some more${get("Host: example.com")}`, 400],
  ["brackets in a name", get("Host: example.com\r\nX-Invalid[]: test"), 400],
  ["a control character in a value", get("Host: example.com\r\nX-Bad: test\x07"), 400],
  ["no Host", get("Content-Length: 5"), 400],
  ["two Hosts", get("Host: example.com\r\nHost: example.org"), 400],
  ["a negative Content-Length", get("Host: example.com\r\nContent-Length: -1234"), 400],
  [
    "a huge negative Content-Length",
    get(`Host: example.com\r\nContent-Length: -${"123456789".repeat(3)}`),
    400,
  ],
  ["a Content-Length in letters", get("Host: example.com\r\nContent-Length: abc"), 400],
  ["a lone CR before a name", get("Host: example.com\r\n\rSome-Header: Test"), 400],
  [
    "Transfer-Encoding with Content-Length",
    get("Host: example.com\r\nTransfer-Encoding: chunked\r\nContent-Length: 5"),
    400,
  ],
];

const folder = makeSiteFolder();
after(() => folder.remove());

for (const runtime of runtimes) {
  describe(`h1spec on ${runtime.name}`, { skip: runtime.missing }, () => {
    let server: ServerProcess;
    before(async () => {
      server = await startServer(runtime, ["-root-dir", folder.root]);
    });
    after(async () => {
      assert.equal(await server.stop(), 0, server.stderr);
    });

    test("wherever a head is cut, the server waits for the rest, and then answers", async () => {
      const cuts = Array.from({ length: whole.length - 1 }, (_, index) => index + 1);
      const clients = await Promise.all(cuts.map(() => RawClient.open(server.port)));
      for (const [index, client] of clients.entries()) client.send(whole.slice(0, cuts[index]));
      await sleep(silenceMs);
      for (const [index, client] of clients.entries()) {
        assert.equal(client.received.length, 0, `${cuts[index]} bytes are answered`);
        assert.equal(client.isEnded, false, `${cuts[index]} bytes end the connection`);
        client.send(whole.slice(cuts[index]));
      }
      for (const client of clients) {
        const [response] = await client.responses(1);
        assert.equal(response?.status, 200);
        client.close();
      }
    });

    for (const [title, request, status] of answers) {
      test(`${title} is answered ${status}`, async () => {
        const client = await RawClient.open(server.port);
        client.send(request);
        await client.until(() => parseResponses(client.received, []).responses.length > 0);
        assert.equal(parseResponses(client.received, []).responses[0]?.status, status);
        client.close();
      });
    }
  });
}
