/** Several ranges in one request: multipart/byteranges, small and large, kept in memory or not. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { get, RawClient, type RawResponse, requestText } from "../support/raw-http.ts";
import { runtimes, type ServerProcess, startServer } from "../support/server-process.ts";
import { bigContent, bigSizeBytes, makeSiteFolder } from "../support/site-folder.ts";

const folder = makeSiteFolder();
const big = bigContent();
after(() => folder.remove());

interface BodyPart {
  readonly type: string;
  readonly range: string;
  readonly content: Buffer;
}

/** Reads a multipart body strictly (RFC 2046 5.1.1): nothing before the first boundary, nothing after the last. */
function parseMultipart({ fields, content }: RawResponse): BodyPart[] {
  const boundary = /^multipart\/byteranges; boundary=([\w-]{1,70})$/.exec(
    fields.get("content-type") ?? "",
  )?.[1];
  assert.ok(boundary, fields.get("content-type"));
  const parts: BodyPart[] = [];
  let at = 0;
  for (;;) {
    const delimiter: string = `${at === 0 ? "" : "\r\n"}--${boundary}`;
    assert.equal(content.toString("latin1", at, at + delimiter.length), delimiter);
    at += delimiter.length;
    if (content.toString("latin1", at, at + 4) === "--\r\n") {
      assert.equal(content.length, at + 4);
      return parts;
    }
    const end = content.indexOf("\r\n\r\n", at);
    const head = /^\r\nContent-Type: (.+)\r\nContent-Range: (bytes (\d+)-(\d+)\/\d+)$/.exec(
      content.toString("latin1", at, end),
    );
    assert.ok(head, content.toString("latin1", at, end));
    const [, type = "", range = "", first, last] = head;
    at = end + 4 + Number(last) - Number(first) + 1;
    parts.push({ type, range, content: content.subarray(end + 4, at) });
  }
}

for (const runtime of runtimes) {
  describe(`several ranges on ${runtime.name}`, { skip: runtime.missing }, () => {
    let server: ServerProcess;
    before(async () => {
      server = await startServer(runtime, ["-root-dir", folder.root]);
    });
    after(async () => {
      assert.equal(await server.stop(), 0, server.stderr);
    });

    async function expectParts(target: string, ranges: string, expected: readonly string[]): Promise<void> {
      const response = await get(server.port, target, [`Range: bytes=${ranges}`]);
      assert.equal(response.status, 206);
      assert.equal(response.fields.has("content-range"), false);
      assert.ok(response.fields.has("etag"));
      const parts = parseMultipart(response);
      assert.deepEqual(
        parts.map(({ range }) => range),
        expected.map((range) => `bytes ${range}`),
      );
    }

    test("each comes as a part with its type and place, in the order asked for", async () => {
      // Twice, since the second answer comes from memory.
      for (let i = 0; i < 2; i++) {
        const response = await get(server.port, "/digits.txt", ["Range: bytes=7-8, 0-1, 4-4"]);
        assert.equal(response.status, 206);
        assert.deepEqual(
          parseMultipart(response).map(({ type, range, content }) => [type, range, content.toString()]),
          [
            ["text/plain; charset=utf-8", "bytes 7-8/10", "78"],
            ["text/plain; charset=utf-8", "bytes 0-1/10", "01"],
            ["text/plain; charset=utf-8", "bytes 4-4/10", "4"],
          ],
        );
      }
    });

    test("overlapping and adjacent ones become one, those beyond the end are left out", async () => {
      await expectParts("/digits.txt", "8-,0-1,2-3", ["8-9/10", "0-3/10"]);
      await expectParts("/digits.txt", "0-0,5-5,99-", ["0-0/10", "5-5/10"]);
      const joined = await get(server.port, "/digits.txt", ["Range: bytes=2-3,0-1"]);
      assert.equal(joined.fields.get("content-range"), "bytes 0-3/10");
      assert.equal(joined.content.toString(), "0123");
    });

    test("none that can be had is 416, too many or too much is the whole file", async () => {
      const none = await get(server.port, "/digits.txt", ["Range: bytes=10-,20-30"]);
      assert.equal(none.status, 416);
      assert.equal(none.fields.get("content-range"), "bytes */10");
      const many = Array.from({ length: 17 }, (_, i) => `${i * 2}-${i * 2}`).join(",");
      for (const ranges of [many, "0-,0-,0-", `0-${",5-".repeat(1000)}`]) {
        const response = await get(server.port, "/big.bin", [`Range: bytes=${ranges}`]);
        assert.equal(response.status, 200, ranges);
        assert.equal(response.content.length, bigSizeBytes);
      }
    });

    test("parts of a big file arrive whole, and the connection goes on", async () => {
      const client = await RawClient.open(server.port);
      try {
        const ranges = "Range: bytes=2500000-, 0-0, 100000-2200000";
        client.send(requestText("/big.bin", [ranges]) + requestText("/digits.txt"));
        const [response, next] = await client.responses(2);
        assert.ok(response);
        const parts = parseMultipart(response).map(({ content }) => content);
        const expected = [big.subarray(2500000), big.subarray(0, 1), big.subarray(100000, 2200001)];
        assert.equal(parts.length, 3);
        for (const [index, part] of parts.entries())
          assert.ok(expected[index]?.equals(part), `part ${index}`);
        assert.equal(next?.content.toString(), "0123456789");
      } finally {
        client.close();
      }
    });

    test("a client that reads slowly gets every part", async () => {
      const client = await RawClient.open(server.port);
      try {
        client.socket.pause();
        client.send(requestText("/big.bin", ["Range: bytes=0-1499999, 1500001-", "Connection: close"]));
        await sleep(200);
        client.socket.resume();
        const [response] = await client.responses(1);
        assert.ok(response);
        const [first, second] = parseMultipart(response);
        assert.ok(first?.content.equals(big.subarray(0, 1500000)));
        assert.ok(second?.content.equals(big.subarray(1500001)));
      } finally {
        client.close();
      }
    });

    test("If-Range, HEAD and a coded variant are answered as without ranges", async () => {
      const several = "Range: bytes=0-0,2-2";
      assert.equal((await get(server.port, "/digits.txt", [several, 'If-Range: "other"'])).status, 200);
      const head = await get(server.port, "/digits.txt", [several], "HEAD");
      assert.equal(head.fields.get("content-length"), "10");
      const coded = await get(server.port, "/app.js", [several, "Accept-Encoding: gzip"]);
      assert.equal(coded.status, 200);
      assert.equal(coded.fields.get("content-encoding"), "gzip");
      const plain = await get(server.port, "/app.js", [several]);
      assert.equal(plain.status, 206);
      assert.equal(plain.fields.get("vary"), "Accept-Encoding");
    });

    test("the log counts all bytes of the content", async () => {
      const response = await get(server.port, "/digits.txt?logged", ["Range: bytes=0-0,2-2"]);
      await server.waitForStdout("logged");
      assert.match(server.stdout, new RegExp(`\\?logged HTTP/1.1" 206 ${response.content.length} `));
    });
  });
}
