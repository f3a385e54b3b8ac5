import assert from "node:assert/strict";
import { test } from "node:test";
import { connectionLimit, overloadText } from "../../../server/serving.ts";
import { listenProblem } from "../../../server/start.ts";
import { findResponseProblem } from "../../support/response-check.ts";

test("each connection may hold an open file, and some descriptors are kept back", () => {
  for (const [descriptors, connections] of [
    [20_000, 9992],
    [1024, 504],
    [18, 1],
    [16, 1],
    [0, 1],
  ] as const)
    assert.equal(connectionLimit(descriptors, 0), connections, `${descriptors} descriptors`);
});

test("a connection too many gets a whole answer that says when to come again", () => {
  assert.equal(findResponseProblem(overloadText, []), "");
  assert.match(overloadText, /^HTTP\/1\.1 503 .*\r\n(?:.*\r\n)*Retry-After: 1\r\n/);
});

test("a listener that failed is told in words, with the system's code", () => {
  for (const code of ["EADDRINUSE", "EACCES", "EADDRNOTAVAIL", "EMFILE"]) {
    const problem = listenProblem(":80", code);
    assert.match(problem, /^can't listen on :80: /);
    assert.ok(problem.includes(code), problem);
    assert.doesNotMatch(problem, /\n/);
  }
});
