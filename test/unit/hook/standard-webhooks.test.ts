import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { newSigningKey } from "../../../hook/secret/secret.ts";
import { findSource } from "../../../hook/source/index.ts";
import { defaultSetting } from "../../../hook/source/setting.ts";
import { hmac } from "../../../hook/source/signature.ts";
import { readKey, standardWebhooks, verifySignature } from "../../../hook/source/standard-webhooks.ts";
import { readFixture, readWith, requestOf } from "../../support/webhooks.ts";

const key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const atMs = 1614265330_000;
const vector = {
  "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
  "webhook-timestamp": "1614265330",
  "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
};
const body = '{"test": 2432232314}';

function verify(
  headers: Record<string, string>,
  { raw = body, keys = [key], nowMs = atMs }: { raw?: string; keys?: string[]; nowMs?: number } = {},
) {
  return verifySignature({ headers, query: {}, raw: Buffer.from(raw) }, { signing: keys }, nowMs);
}

describe("a Standard Webhooks signature", () => {
  test("has the vector of the specification's libraries", () => {
    assert.equal(verify(vector), undefined);
  });

  test("is good when one of several in the header is", () => {
    const [v1 = ""] = vector["webhook-signature"].split(" ");
    const other = `v1,${Buffer.alloc(32).toString("base64")}`;
    for (const list of [`${other} ${v1}`, `${v1} ${other}`, `v1a,AAAA ${other} ${v1}`]) {
      assert.equal(verify({ ...vector, "webhook-signature": list }), undefined, list);
    }
  });

  test("is good with either of two keys, and of a key that is no whsec_ one", () => {
    const another = newSigningKey();
    assert.equal(verify(vector, { keys: [another, key] }), undefined);
    assert.equal(verify(vector, { keys: [key, another] }), undefined);
    const plain = "a plain key, 0123456789";
    const signature = hmac(Buffer.from(plain), `${vector["webhook-id"]}.1614265330.${body}`);
    const headers = { ...vector, "webhook-signature": `v1,${signature.toString("base64")}` };
    assert.equal(verify(headers, { keys: [plain] }), undefined);
  });

  for (const [awayMs, isGood] of [
    [300_000, true],
    [-300_000, true],
    [301_000, false],
    [-301_000, false],
    [86_400_000, false],
  ] as const) {
    test(`made ${awayMs / 1000} s away from now is ${isGood ? "good" : "refused"}`, () => {
      assert.equal(verify(vector, { nowMs: atMs + awayMs }) === undefined, isGood);
    });
  }

  const { "webhook-signature": signature } = vector;
  const wrong: [what: string, headers: Record<string, string>][] = [
    ["without an id", { ...vector, "webhook-id": "" }],
    ["with another id", { ...vector, "webhook-id": "msg_another" }],
    ["with another time", { ...vector, "webhook-timestamp": "1614265331" }],
    ["with a time in milliseconds", { ...vector, "webhook-timestamp": "1614265330000" }],
    ["with a time that is none", { ...vector, "webhook-timestamp": "1e9" }],
    ["with a negative time", { ...vector, "webhook-timestamp": "-1614265330" }],
    ["with an empty signature", { ...vector, "webhook-signature": "" }],
    ["with nothing behind v1", { ...vector, "webhook-signature": "v1," }],
    ["of another version", { ...vector, "webhook-signature": signature.replace("v1,", "v2,") }],
    ["in hexadecimal", { ...vector, "webhook-signature": `v1,${"ab".repeat(32)}` }],
    [
      "with the good one behind ten others",
      { ...vector, "webhook-signature": `${"v1, ".repeat(10)}${signature}` },
    ],
  ];
  for (const [what, headers] of wrong) {
    test(`${what} is refused, without repeating it`, () => {
      const problem = String(verify(headers));
      assert.notEqual(problem, "undefined");
      assert.doesNotMatch(problem, /whsec|g0hM9|1614/);
    });
  }

  test("of another body is refused", () => {
    assert.equal(typeof verify(vector, { raw: `${body} ` }), "string");
  });

  test("with a key of 32 random bytes is what `newSigningKey` makes", () => {
    assert.match(newSigningKey(), /^whsec_[A-Za-z0-9+/]{43}=$/);
    assert.equal(readKey(newSigningKey()).length, 32);
    assert.notEqual(newSigningKey(), newSigningKey());
  });
});

describe("our own signed webhook", () => {
  test("brings image, tag and digest, and its id as the delivery's", () => {
    const fixture = readFixture("standard-webhooks", "signed");
    const request = requestOf(fixture);
    assert.equal(findSource(request, defaultSetting), standardWebhooks);
    assert.equal(verifySignature(request, { signing: [key] }, 1785578400_000), undefined);
    assert.deepEqual(readWith(standardWebhooks, fixture), {
      kind: "triggers",
      triggers: [
        {
          image: "registry.example/acme/web",
          tag: "v1.4.2",
          digest: "sha256:3da1996a8115d7616457760d9920b815241d0a03b34cf5f04e9a0e9d8de37498",
        },
      ],
      deliveryId: "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
    });
  });
});
