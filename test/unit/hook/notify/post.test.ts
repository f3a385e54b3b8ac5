import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { parseRetryAfter, post } from "../../../../hook/notify/post.ts";
import { type Receiver, startReceiver } from "../../../support/notify.ts";

let receiver: Receiver;
before(async () => {
  receiver = await startReceiver();
});
after(() => receiver.stop());

function send(origin = receiver.origin, timeoutMs = 3000) {
  const signal = AbortSignal.timeout(timeoutMs);
  const url = new URL(`${origin}/services/SECRET`);
  return post({ receiver: "Slack", url, body: '{"a":"ü"}', signal, advice: "look again" });
}

describe("a post", () => {
  test("is JSON, complete with its length in bytes", async () => {
    receiver.answer({ status: 204 });
    assert.deepEqual(await send(), { ok: true });
    const { method, url, headers, body } = receiver.received.at(-1) ?? { headers: {} };
    assert.deepEqual([method, url, body], ["POST", "/services/SECRET", '{"a":"ü"}']);
    assert.equal(headers["content-type"], "application/json");
    assert.equal(headers["content-length"], "10");
  });

  const statuses: [status: number, isTemporary: boolean][] = [
    [302, false],
    [400, false],
    [401, false],
    [403, false],
    [404, false],
    [408, true],
    [410, false],
    [425, true],
    [429, true],
    [500, true],
    [502, true],
    [503, true],
  ];
  for (const [status, isTemporary] of statuses) {
    test(`answered with ${status} is ${isTemporary ? "tried again" : "given up"}`, async () => {
      receiver.answer({
        status,
        headers: { location: "http://127.0.0.1:1/" },
        body: "POST /services/SECRET",
      });
      const result = await send();
      assert.ok(!result.ok);
      assert.equal(result.isTemporary, isTemporary);
      assert.ok(result.problem.startsWith(`Slack at ${receiver.origin} answered ${status}`), result.problem);
      assert.doesNotMatch(result.problem, /SECRET/);
    });
  }

  test("is left alone for as long as the receiver wants", async () => {
    receiver.answer({ status: 429, headers: { "retry-after": "7" } });
    const result = await send();
    assert.ok(!result.ok && result.retryAfterMs === 7000);
  });

  test("that nobody takes is tried again", async () => {
    const gone = await startReceiver();
    await gone.stop();
    const result = await send(gone.origin);
    assert.deepEqual(result, {
      ok: false,
      isTemporary: true,
      problem: `nothing listens at ${gone.origin}: is Slack running there?`,
    });
  });

  test("that is not answered in time is tried again", async () => {
    receiver.answer(() => "nothing");
    const result = await send(receiver.origin, 100);
    assert.deepEqual(result, {
      ok: false,
      isTemporary: true,
      problem: `Slack at ${receiver.origin} did not answer in time`,
    });
  });
});

describe("Retry-After", () => {
  const nowMs = Date.UTC(2026, 7, 1, 10, 0, 0);
  const values: [text: string | undefined, delayMs: number | undefined][] = [
    [undefined, undefined],
    ["0", 0],
    ["120", 120_000],
    ["0.35", 350],
    ["Sat, 01 Aug 2026 10:01:00 GMT", 60_000],
    ["Sat, 01 Aug 2026 09:00:00 GMT", 0],
    ["soon", undefined],
    ["-5", undefined],
    ["99999999999", undefined],
  ];
  for (const [text, delayMs] of values)
    test(`${text} is ${delayMs === undefined ? "nothing" : `${delayMs} ms`}`, () =>
      assert.equal(parseRetryAfter(text, nowMs), delayMs));
});
