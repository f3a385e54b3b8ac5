/**
 * RFC 9112, section by section, on every runtime: what each stream of bytes is answered with. Behind every case stands one
 * more request: it is answered where the connection may go on, and only there.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { parseResponses, RawClient } from "../support/raw-http.ts";
import { runtimes, type ServerProcess, startServer } from "../support/server-process.ts";
import { makeSiteFolder } from "../support/site-folder.ts";

interface Case {
  readonly title: string;
  readonly stream: string;
  /** Of all answers, that to the last request included. */
  readonly statuses: readonly number[];
}

const last = "GET /digits.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const show = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);

/** One case for each text: where it stands, and what the whole is answered with. */
function each(
  what: string,
  texts: readonly string[],
  statuses: readonly number[],
  place: (text: string) => string,
): Case[] {
  return texts.map((text) => ({ title: `${what} ${show(text)}`, stream: place(text), statuses }));
}

const bytes = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => String.fromCharCode(from + index));
const controls = [...bytes(0, 31), "\x7f"];
const delimiters = [...'"(),/:;<=>?@[\\]{}'];
const line = (text: string) => `${text}\r\nHost: a\r\n\r\n`;
const fields = (text: string) => `GET /page.html HTTP/1.1\r\nHost: a\r\n${text}\r\n\r\n`;
const version = (text: string) => line(`GET /page.html ${text}`);
const target = (text: string) => line(`GET ${text} HTTP/1.1`);
const host = (text: string) => `GET /page.html HTTP/1.1\r\nHost:${text}\r\n\r\n`;
const post = (text: string, content = "") =>
  `POST /page.html HTTP/1.1\r\nHost: a\r\n${text}\r\n\r\n${content}`;
const chunked = (content: string) => post("Transfer-Encoding: chunked", content);

const refused = [400];
const served = [200, 200];

const sections: Readonly<Record<string, readonly Case[]>> = {
  "2.2 message parsing": [
    ...each(
      "empty lines before a request:",
      ["\r\n", "\r\n\r\n\r\n"],
      served,
      (text) => text + fields("X: y"),
    ),
    ...each(
      "before a request:",
      ["\n", " ", "\r", "\r\r\n", "\t\r\n"],
      refused,
      (text) => text + fields("X: y"),
    ),
    ...each(
      "as line ends:",
      ["\n", "\r", "\n\r", "\r\r\n", "\r\n\n"],
      refused,
      (text) => `GET /page.html HTTP/1.1${text}Host: a${text}${text}\r\n\r\n`,
    ),
    ...each(
      "before the first field:",
      [" ", "\t"],
      refused,
      (text) => `GET / HTTP/1.1\r\n${text}Host: a\r\n\r\n`,
    ),
  ],
  "2.3 version": [
    ...each("", ["HTTP/1.2", "HTTP/1.9", "HTTP/2.0", "HTTP/0.9", "HTTP/3.1", "HTTP/9.9"], [505], version),
    ...each(
      "",
      [
        "HTTP/11",
        "HTTP/1",
        "HTTP/1.",
        "HTTP/.1",
        "HTTP/1.10",
        "HTTP/01.1",
        "HTTP/1,1",
        "HTTP/a.1",
        "HTTP/1.1a",
        "HTTP 1.1",
        "http/1.1",
        "HTTPS/1.1",
        "1.1",
        "HTTP/-1.1",
      ],
      refused,
      version,
    ),
  ],
  "3 request line": [
    ...each("without a version:", ["GET /", "GET / ", "GET", "GET ", "/"], refused, line),
    ...each(
      "spaces in",
      ["GET  / HTTP/1.1", "GET /  HTTP/1.1", " GET / HTTP/1.1", "GET / HTTP/1.1 ", "GET / x HTTP/1.1"],
      refused,
      line,
    ),
    ...each("white space that is none:", ["\t", "\x0b", "\x0c", "\xa0"], refused, (text) =>
      line(`GET${text}/${text}HTTP/1.1`),
    ),
  ],
  "3.1 method": [
    ...each("in the method:", [...delimiters, "\0", "\x7f", "\x80", "\xff"], refused, (text) =>
      line(`G${text}T / HTTP/1.1`),
    ),
    ...each("", ["PUT", "get", "X", "!#$%&'*+-.^_`|~9"], [405, 200], (text) => line(`${text} / HTTP/1.1`)),
  ],
  "3.2 target": [
    ...each("in the target:", controls, refused, (text) => target(`/a${text}b`)),
    ...each("", ["page.html", "*", "?", "#", "http://", "http:///page.html"], [400, 200], target),
    ...each(
      "in absolute form:",
      ["http://a/page.html", "HTTP://a:80/page.html", "https://b/page.html?x"],
      served,
      target,
    ),
  ],
  "3.2 Host": [
    ...each("", ["", " a", "\ta\t", " a:80", " a:", " 127.0.0.1", " [::1]:80", " a%41"], served, host),
    ...each(
      "",
      [
        " a b",
        " a/b",
        " a@b",
        " a:b",
        " a:80:80",
        " [::1",
        " ::1]",
        ' "a"',
        " a\\b",
        " a#b",
        " a?b",
        " %4",
        " <a>",
      ],
      refused,
      host,
    ),
    { title: "missing", stream: "GET / HTTP/1.1\r\n\r\n", statuses: refused },
    { title: "twice", stream: fields("Host: a"), statuses: refused },
    { title: "not needed by 1.0", stream: "GET /page.html HTTP/1.0\r\n\r\n", statuses: [200] },
  ],
  "5 field syntax": [
    ...each(
      "in a name:",
      [...delimiters.filter((text) => text !== ":"), " ", "\t", "\0", "\x7f", "\x80", "\xff"],
      refused,
      (text) => fields(`X${text}Y: z`),
    ),
    ...each(
      "in a value:",
      controls.filter((text) => text !== "\t"),
      refused,
      (text) => fields(`X: a${text}b`),
    ),
    ...each("in a value:", ["\t", " ", "\x80", "\xff", ":", '"', "\\", ","], served, (text) =>
      fields(`X: a${text}b`),
    ),
    ...each("", ["X", ":", ": x", "X : y", "X\t: y", "=: y"], refused, fields),
    ...each("folded by", [" ", "\t", " \t "], refused, (text) => fields(`X: y\r\n${text}z`)),
    ...each("", ["X:", "X:y", "X: y ", "X:\t y\t", "x-Y_z.1~: 1"], served, fields),
  ],
  "6.1 Transfer-Encoding": [
    ...each(
      "",
      [
        "gzip",
        "identity",
        "x",
        "gzip, chunked",
        "chunked, gzip",
        "chunked, chunked",
        "chunked;q=1",
        '"chunked"',
        "xchunked",
        "chunkedx",
        "chun ked",
        "\xa0chunked",
      ],
      [501],
      (text) => post(`Transfer-Encoding: ${text}`, "0\r\n\r\n"),
    ),
    ...each("", ["chunked", "Chunked", "\tchunked "], [405, 200], (text) =>
      post(`Transfer-Encoding: ${text}`, "0\r\n\r\n"),
    ),
    ...each("with", ["Content-Length: 0", "Content-Length: 5", "content-length: x"], refused, (text) =>
      post(`Transfer-Encoding: chunked\r\n${text}`, "0\r\n\r\n"),
    ),
    {
      title: "from 1.0",
      stream: "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      statuses: refused,
    },
  ],
  "6.2 Content-Length": [
    ...each(
      "",
      [
        "",
        "+5",
        "-5",
        "0x5",
        "5.0",
        "5e0",
        "5 5",
        "5,5",
        "5, 5",
        "five",
        "٥",
        "\xb2",
        "9".repeat(16),
        "9".repeat(400),
      ],
      refused,
      (text) => post(`Content-Length: ${Buffer.from(text).toString("latin1")}`, "12345"),
    ),
    ...each("", ["5", "05", "00005", "5 ", "\t5"], [405, 200], (text) =>
      post(`Content-Length: ${text}`, "12345"),
    ),
    {
      title: "twice the same",
      stream: post("Content-Length: 5\r\nContent-Length: 5", "12345"),
      statuses: [405, 200],
    },
    {
      title: "twice, another",
      stream: post("Content-Length: 5\r\nContent-Length: 4", "12345"),
      statuses: refused,
    },
    {
      title: "of a GET",
      stream: fields("Content-Length: 60") + "GET /nope HTTP/1.1\r\n".repeat(3),
      statuses: served,
    },
  ],
  "7.1 chunked": [
    ...each(
      "",
      [
        "0\r\n\r\n",
        "5\r\n12345\r\n0\r\n\r\n",
        "A\r\n0123456789\r\n000\r\n\r\n",
        "1;a=b\r\nx\r\n0;c\r\n\r\n",
        "0\r\nX: y\r\nZ:\r\n\r\n",
        "4\r\n\r\n\r\n\r\n0\r\n\r\n",
      ],
      [405, 200],
      chunked,
    ),
    ...each(
      "",
      [
        "\r\n",
        "g\r\n",
        "-1\r\n",
        "+1\r\nx\r\n0\r\n\r\n",
        "0x1\r\nx\r\n0\r\n\r\n",
        " 1\r\nx\r\n0\r\n\r\n",
        "1 \r\nx\r\n0\r\n\r\n",
        "1\nx\n0\n\n",
        "1\r\nx\n0\r\n\r\n",
        "1\r\nxy\r\n0\r\n\r\n",
        "2\r\nx\r\n0\r\n\r\n",
        "1;\n\r\nx\r\n0\r\n\r\n",
        "0\r\nX : y\r\n\r\n",
        "0\r\nX: y\n\r\n",
        "0\r\n X: y\r\n\r\n",
        "0\r\n\n",
        "ffffffffffffffff1\r\nx\r\n0\r\n\r\n",
      ],
      [405],
      chunked,
    ),
  ],
  "9.3 persistence": [
    ...each(
      "Connection:",
      ["close", "Close", "x, close", "close, keep-alive", "close,", ", close"],
      [200],
      (text) => fields(`Connection: ${text}`),
    ),
    ...each(
      "Connection:",
      ["", "keep-alive", "x", "closed", "close x", '"close"', "xclose"],
      served,
      (text) => fields(`Connection: ${text}`),
    ),
    ...each(
      "1.0 with",
      ["X: y", "Connection: close", "Connection: x", "Connection: keep-alive, close"],
      [200],
      (text) => `GET /page.html HTTP/1.0\r\n${text}\r\n\r\n`,
    ),
    ...each(
      "1.0 with",
      ["Connection: keep-alive", "Connection: x, Keep-Alive"],
      served,
      (text) => `GET /page.html HTTP/1.0\r\n${text}\r\n\r\n`,
    ),
  ],
};

const folder = makeSiteFolder();
after(() => folder.remove());

test("the table has at least 200 cases, no two of one title", () => {
  const titles = Object.entries(sections).flatMap(([section, cases]) =>
    cases.map(({ title }) => `${section} ${title}`),
  );
  assert.ok(titles.length >= 200, String(titles.length));
  assert.equal(new Set(titles).size, titles.length);
});

for (const runtime of runtimes) {
  describe(`RFC 9112 on ${runtime.name}`, { skip: runtime.missing }, () => {
    let server: ServerProcess;
    before(async () => {
      server = await startServer(runtime, ["-root-dir", folder.root]);
    });
    after(async () => {
      assert.equal(await server.stop(), 0, server.stderr);
    });
    for (const [section, cases] of Object.entries(sections)) {
      for (const { title, stream, statuses } of cases) {
        test(`${section}: ${title} is answered ${statuses.join(", ")}`, async () => {
          const client = await RawClient.open(server.port);
          client.send(stream + last);
          await client.untilEnd();
          client.close();
          const { responses, rest } = parseResponses(client.received, []);
          assert.deepEqual([...responses.map(({ status }) => status), rest.length], [...statuses, 0]);
        });
      }
    }
  });
}
