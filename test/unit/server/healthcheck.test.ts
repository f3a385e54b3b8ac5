import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HealthQuestion, serverFlags } from "../../../server/healthcheck.ts";
import { Options } from "../../../server/options/options.ts";

function questionTo(listenAddress: string, healthUrl = "/health"): HealthQuestion {
  return new HealthQuestion(Object.assign(new Options(), { listenAddress, healthUrl }));
}

describe("the flags of the server that runs", () => {
  const commandLine = (...words: string[]) => words.map((word) => `${word}\0`).join("");
  const table: readonly (readonly [string, readonly string[], readonly string[] | null])[] = [
    ["are the words behind its name", ["/statigo", "-root-dir", "/www"], ["-root-dir", "/www"]],
    ["are none where it has none", ["/statigo"], []],
    [
      "are found behind an init",
      ["/sbin/tini", "--", "/statigo", "-health-url", "/up"],
      ["-health-url", "/up"],
    ],
    ["keep an empty word", ["/usr/bin/statigo", "-not-found-filename", ""], ["-not-found-filename", ""]],
    ["are not those of another program", ["/bin/sh", "-c", "sleep 1"], null],
    ["are not those of a program whose name ends alike", ["/mystatigo", "-root-dir", "/www"], null],
  ];
  for (const [title, words, flags] of table)
    test(title, () => assert.deepEqual(serverFlags(commandLine(...words)), flags));

  test("are none of a kernel thread, which has no command line", () => assert.equal(serverFlags(""), null));
});

describe("a server on", () => {
  const table: readonly (readonly [string, string, number])[] = [
    [":3000", "127.0.0.1", 3000],
    ["0.0.0.0:80", "127.0.0.1", 80],
    ["[::]:80", "::1", 80],
    ["[::1]:80", "::1", 80],
    ["10.0.0.7:8080", "10.0.0.7", 8080],
  ];
  for (const [address, host, port] of table) {
    test(`${address} is asked at ${host}, port ${port}`, () => {
      const question = questionTo(address);
      assert.deepEqual([question.host, question.port], [host, port]);
    });
  }
});

test("the question is a whole request for the health URL that ends its connection", () => {
  assert.equal(
    questionTo(":1", "/up").request,
    "GET /up HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
  );
});

describe("an answer", () => {
  const question = questionTo(":3000");
  for (const line of ["HTTP/1.1 204 No Content", "HTTP/1.1 200 OK"]) {
    test(`"${line}" is healthy`, () => assert.equal(question.judge(`${line}\r\n\r\n`), ""));
  }
  for (const line of [
    "HTTP/1.1 404 Not Found",
    "HTTP/1.1 503 Service Unavailable",
    "HTTP/1.1 301 Moved",
    "SSH-2.0",
  ]) {
    test(`"${line}" is not, and is named`, () => {
      assert.equal(question.judge(`${line}\r\nX: y\r\n\r\n`), `127.0.0.1:3000/health answered "${line}"`);
    });
  }
  test("that does not come is not", () => {
    assert.equal(question.judge(""), "no answer from 127.0.0.1:3000/health within 5 s");
  });
});
