import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Head } from "../../../server/head/head.ts";
import {
  findHeadEnd,
  headIncomplete,
  headMalformed,
  maxHeadBytes,
  maxRequestLineBytes,
  oversizeStatus,
} from "../../../server/head/head-end.ts";
import { listIncludes, parseHead } from "../../../server/head/head-parser.ts";

const latin1 = (text: string) => Buffer.from(text, "latin1");

function parse(text: string): Head {
  const bytes = latin1(text);
  const end = findHeadEnd(bytes, 0, 0);
  assert.equal(end, bytes.length, `no head: ${JSON.stringify(text)}`);
  return parseHead(bytes, 0, end);
}

/** A GET with these field lines after its Host. */
function parseFields(...lines: string[]): Head {
  return parse(`GET / HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`);
}

describe("the end of a head", () => {
  const head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

  test("is the byte after the blank line, whatever follows", () => {
    for (const rest of ["", "G", "\r\n\r\n", "\n\n", head]) {
      assert.equal(findHeadEnd(latin1(head + rest), 0, 0), head.length, JSON.stringify(rest));
    }
  });

  test("is not found in any part of a head", () => {
    for (let length = 0; length < head.length; length++) {
      assert.equal(findHeadEnd(latin1(head.slice(0, length)), 0, 0), headIncomplete, `${length} bytes`);
    }
  });

  test("is found from wherever an earlier search ended", () => {
    const bytes = latin1(head);
    for (let from = 0; from < head.length; from++)
      assert.equal(findHeadEnd(bytes, 0, from), head.length, `from ${from}`);
  });

  test("is found behind an earlier request in the same bytes", () => {
    const bytes = latin1(head + head);
    assert.equal(findHeadEnd(bytes, head.length, head.length), bytes.length);
  });

  test("does not take the line end before its start for one of its own", () => {
    const bytes = latin1("\r\n\r\nGET / HTTP/1.1\r\n");
    assert.equal(findHeadEnd(bytes, 4, 4), headIncomplete);
    assert.equal(findHeadEnd(latin1("\n\r\n"), 1, 1), headIncomplete);
  });

  test("is given up at the first bare LF, at once", () => {
    for (const text of ["\n", "G\n", "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nHost: a\n", "\r\r\n\n"]) {
      assert.equal(findHeadEnd(latin1(text), 0, 0), headMalformed, JSON.stringify(text));
    }
  });
});

describe("a request line", () => {
  test("gives its method and target as they were sent", () => {
    for (const [method, target] of [
      ["GET", "/"],
      ["get", "/a?b=c#d"],
      ["M-SEARCH", "*"],
      ["!#$%&'*+-.^_`|~09azAZ", "http://a/b"],
      ["GET", "/\x80\xff"],
      ["GET", '/"<>\\^`{|}'],
    ] as const) {
      const head = parse(`${method} ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
      assert.deepEqual([head.error, head.method, head.target], [0, method, target]);
    }
  });

  test("says of its target whether it is a path that needs no decoding and no escaping", () => {
    for (const target of ["/", "/a/b.html", "/a/", "/a.b/c..d", "/~a!$&'()*+,;=:@"])
      assert.equal(parse(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`).isPlainPath, true, target);
    for (const target of [
      "/a?",
      "/a\\b",
      '/a"b',
      "/%61",
      "/#",
      "//a",
      "/a//",
      "/./a",
      "/a/.",
      "/a/..",
      "/.a",
      "*",
      "a",
      "http://a/",
      "/\xe4",
    ])
      assert.equal(parse(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`).isPlainPath, false, target);
  });

  test("is refused where a method is no token", () => {
    for (const byte of [
      0, 9, 11, 31, 34, 40, 41, 44, 47, 58, 59, 60, 64, 91, 92, 93, 123, 125, 127, 128, 255,
    ]) {
      const head = parse(`G${String.fromCharCode(byte)}T / HTTP/1.1\r\nHost: a\r\n\r\n`);
      assert.equal(head.error, 400, `byte ${byte}`);
    }
  });

  test("is refused with any control character or space in its target", () => {
    for (let byte = 0; byte <= 127; byte++) {
      if (byte === 10 || (byte > 32 && byte < 127)) continue;
      const head = parse(`GET /a${String.fromCharCode(byte)}b HTTP/1.1\r\nHost: a\r\n\r\n`);
      assert.equal(head.error, 400, `byte ${byte}`);
    }
  });

  const versions: Readonly<Record<string, number>> = {
    "HTTP/1.1": 0,
    "HTTP/1.0": 0,
    "HTTP/0.9": 505,
    "HTTP/1.2": 505,
    "HTTP/2.0": 505,
    "HTTP/9.9": 505,
    "http/1.1": 400,
    "HTTP/1.1\r": 400,
    "HTTP/1.10": 400,
    "HTTP/11.1": 400,
    "HTTP/1,1": 400,
    "HTTP/1": 400,
    "HTTP/-1.1": 400,
    "HTTP/1.1 x": 400,
    "": 400,
  };
  for (const [version, status] of Object.entries(versions)) {
    const title = status === 0 ? "is accepted" : `is ${status}`;
    test(`with the version ${JSON.stringify(version)} ${title}`, () => {
      assert.equal(parse(`GET / ${version}\r\nHost: a\r\n\r\n`).error, status);
    });
  }

  test("of exactly the limit is read, and one byte more is 414", () => {
    const line = (length: number) => `GET /${"a".repeat(length - "GET / HTTP/1.1".length)} HTTP/1.1`;
    assert.equal(parse(`${line(maxRequestLineBytes)}\r\nHost: a\r\n\r\n`).error, 0);
    assert.equal(parse(`${line(maxRequestLineBytes + 1)}\r\nHost: a\r\n\r\n`).error, 414);
  });
});

describe("the fields", () => {
  test("that are read are all taken, in any letter case", () => {
    const expected: Readonly<Record<string, Partial<Head>>> = {
      Range: { range: "value" },
      Referer: { referer: "value" },
      "If-Match": { ifMatch: "value" },
      "If-Range": { ifRange: "value" },
      Connection: { connection: "value" },
      "User-Agent": { userAgent: "value" },
      "If-None-Match": { ifNoneMatch: "value" },
      "Accept-Encoding": { acceptEncoding: "value", hasAcceptEncoding: true },
      "If-Modified-Since": { ifModifiedSince: "value" },
      "If-Unmodified-Since": { ifUnmodifiedSince: "value" },
    };
    const none = parseFields();
    const conditional = [
      "Range",
      "If-Match",
      "If-Range",
      "If-None-Match",
      "If-Modified-Since",
      "If-Unmodified-Since",
    ];
    for (const [name, change] of Object.entries(expected)) {
      for (const spelling of [name, name.toLowerCase(), name.toUpperCase()]) {
        const expected = Object.assign(parseFields(), change, { isConditional: conditional.includes(name) });
        assert.deepEqual(parseFields(`${spelling}: value`), expected, spelling);
      }
      assert.deepEqual(parseFields(`${name}x: value`), none, `${name}x is another field`);
      assert.deepEqual(parseFields(`${name.slice(0, -1)}_: value`), none, `${name.slice(0, -1)}_ is another`);
    }
  });

  test("for the log alone are left where there is none", () => {
    const bytes = latin1("GET / HTTP/1.1\r\nHost: a\r\nReferer: b\r\nUser-Agent: c\r\n\r\n");
    const head = parseHead(bytes, 0, bytes.length, false);
    assert.deepEqual([head.error, head.referer, head.userAgent], [0, "", ""]);
  });

  test("lose the spaces and tabs around their values, and nothing inside", () => {
    for (const [sent, read] of [
      ["a", "a"],
      ["   a\t ", "a"],
      ["\ta \t b", "a \t b"],
      [" \t ", ""],
      ["", ""],
      ["\x80\xff", "\x80\xff"],
    ] as const) {
      assert.equal(parseFields(`User-Agent:${sent}`).userAgent, read, JSON.stringify(sent));
    }
  });

  test("that come twice are joined with a comma, as a list is", () => {
    const head = parseFields('If-None-Match: "a"', 'If-None-Match: "b"', "Range: x", "Range: y");
    assert.deepEqual([head.ifNoneMatch, head.range], ['"a", "b"', "x, y"]);
  });

  test("are refused with any control character but a tab in a value", () => {
    for (let byte = 0; byte <= 127; byte++) {
      if (byte === 10 || byte === 9 || (byte >= 32 && byte < 127)) continue;
      assert.equal(parseFields(`X: a${String.fromCharCode(byte)}b`).error, 400, `byte ${byte}`);
    }
  });

  test("are refused with any byte in a name that is none of a token", () => {
    const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]$/;
    for (let byte = 0; byte <= 255; byte++) {
      const character = String.fromCharCode(byte);
      if (character === "\n" || character === ":") continue;
      assert.equal(parseFields(`X${character}Y: a`).error, token.test(character) ? 0 : 400, `byte ${byte}`);
    }
  });

  test("may be a hundred, and one more is 431", () => {
    const fields = (count: number) => parseFields(...Array.from({ length: count - 1 }, () => "X: y"));
    assert.equal(fields(100).error, 0);
    assert.equal(fields(101).error, 431);
  });

  test("may fill a head to its limit, and one byte more is 431", () => {
    const empty = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n".length;
    assert.equal(parseFields(`X: ${"y".repeat(maxHeadBytes - empty)}`).error, 0);
    assert.equal(parseFields(`X: ${"y".repeat(maxHeadBytes - empty + 1)}`).error, 431);
  });
});

describe("the content", () => {
  const lengths: readonly (readonly [readonly string[], number | "refused"])[] = [
    [[], 0],
    [["Content-Length: 0"], 0],
    [["Content-Length: 5"], 5],
    [["Content-Length: 0005"], 5],
    [["Content-Length: 5", "Content-Length: 05"], 5],
    [["Content-Length: 999999999999999"], 999_999_999_999_999],
    [["Content-Length: 1000000000000000"], "refused"],
    [["Content-Length: 5", "Content-Length: 6"], "refused"],
    [["Content-Length: 0", "Content-Length: 6"], "refused"],
    [["Content-Length: 5,5"], "refused"],
    [["Content-Length: -5"], "refused"],
    [["Content-Length: 5 5"], "refused"],
    [["Content-Length: 5.0"], "refused"],
    [["Content-Length: 5e1"], "refused"],
    [["Content-Length: \xb2"], "refused"],
    [["Content-Length: five"], "refused"],
    [["Content-Length:"], "refused"],
  ];
  for (const [lines, length] of lengths) {
    const sent = lines.join(", ") || "no Content-Length";
    test(`of ${sent} is ${length === "refused" ? "refused" : `${length} bytes`}`, () => {
      const head = parseFields(...lines);
      assert.equal(head.error, length === "refused" ? 400 : 0);
      if (length !== "refused") assert.equal(head.contentLength, length);
    });
  }

  const codings: readonly (readonly [string, readonly string[], number])[] = [
    ["chunked", ["Transfer-Encoding: chunked"], 0],
    ["chunked in any letter case", ["transfer-encoding: ChunKED"], 0],
    ["an empty list element before chunked", ["Transfer-Encoding:", "Transfer-Encoding: chunked"], 0],
    ["nothing", ["Transfer-Encoding:"], 501],
    ["gzip", ["Transfer-Encoding: gzip"], 501],
    ["chunked with a parameter", ["Transfer-Encoding: chunked;a=b"], 501],
    ["chunked twice", ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], 501],
    ["something that ends in chunked", ["Transfer-Encoding: xchunked"], 501],
    ["chunked with a length before", ["Content-Length: 0", "Transfer-Encoding: chunked"], 400],
    ["chunked with a length behind", ["Transfer-Encoding: chunked", "Content-Length: 0"], 400],
    ["gzip with a length", ["Transfer-Encoding: gzip", "Content-Length: 1"], 400],
  ];
  for (const [name, lines, status] of codings) {
    test(`in the transfer coding ${name} is ${status === 0 ? "of unknown length" : status}`, () => {
      const head = parseFields(...lines);
      assert.equal(head.error, status);
      if (status === 0) assert.equal(head.contentLength, -1);
    });
  }
});

describe("the connection", () => {
  const outcomes: readonly (readonly [string, string, boolean])[] = [
    ["HTTP/1.1", "", true],
    ["HTTP/1.1", "keep-alive", true],
    ["HTTP/1.1", "close", false],
    ["HTTP/1.1", "CLOSE", false],
    ["HTTP/1.1", "upgrade ,\tclose ,x", false],
    ["HTTP/1.1", "closed", true],
    ["HTTP/1.1", "keep-alive, close", false],
    ["HTTP/1.0", "", false],
    ["HTTP/1.0", "Keep-Alive", true],
    ["HTTP/1.0", "keep-alive, close", false],
    ["HTTP/1.0", "keep-alives", false],
  ];
  for (const [version, value, keepAlive] of outcomes) {
    test(`of ${version} with "Connection: ${value}" is ${keepAlive ? "kept" : "closed"}`, () => {
      const field = value === "" ? "" : `Connection: ${value}\r\n`;
      assert.equal(parse(`GET / ${version}\r\nHost: a\r\n${field}\r\n`).keepAlive, keepAlive);
    });
  }

  test("is closed by every refusal", () => {
    for (const lines of [
      ["X y"],
      ["Expect: x"],
      ["Host: b"],
      ["Transfer-Encoding: x"],
      ["Content-Length: x"],
    ])
      assert.equal(parseFields(...lines).keepAlive, false, lines[0]);
  });
});

describe("Host", () => {
  for (const host of ["", "a", "a.example:80", "[::1]", "[::1]:3000", "a_b-c~", "%41", "127.0.0.1"]) {
    test(`may be "${host}"`, () => {
      assert.equal(parse(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`).error, 0);
    });
  }

  for (const host of ["a b", "a/b", "a\\b", "a?b", "a#b", "u@a", "<a>", "a\tb", '"a"', "\xe4", "a|b"]) {
    test(`may not be ${JSON.stringify(host)}`, () => {
      assert.equal(parse(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`).error, 400);
    });
  }

  test("is needed from HTTP/1.1 only, and never comes twice", () => {
    assert.equal(parse("GET / HTTP/1.1\r\nX: y\r\n\r\n").error, 400);
    assert.equal(parse("GET / HTTP/1.0\r\nX: y\r\n\r\n").error, 0);
    assert.equal(parse("GET / HTTP/1.0\r\nHost: a\r\nhost: a\r\n\r\n").error, 400);
    assert.equal(parseFields("Host:").error, 400);
  });
});

test("a head that is too long is told while it is incomplete, the line before the fields", () => {
  const line = "GET / HTTP/1.1\r\n";
  const cases: readonly (readonly [string, number])[] = [
    ["", 0],
    ["a".repeat(maxRequestLineBytes), 0],
    ["a".repeat(maxRequestLineBytes + 1), 414],
    [`${"a".repeat(maxRequestLineBytes)}\r\n`, 0],
    [`${"a".repeat(maxRequestLineBytes + 1)}\r\n`, 414],
    [line + "a".repeat(maxHeadBytes - line.length), 0],
    [line + "a".repeat(maxHeadBytes - line.length + 1), 431],
  ];
  for (const [text, status] of cases) {
    assert.equal(oversizeStatus(latin1(text), 0), status, `${text.length} bytes`);
    assert.equal(oversizeStatus(latin1(`xx${text}`), 2), status, `${text.length} bytes from 2`);
  }
});

test("a list includes an item only as a whole, in any letter case", () => {
  for (const list of ["close", "a,close", " CLOSE ,b", ",,close"])
    assert.equal(listIncludes(list, "close"), true, list);
  for (const list of ["", "clos", "aclose", "close;q=1", "clo,se", '"close"'])
    assert.equal(listIncludes(list, "close"), false, list);
});
