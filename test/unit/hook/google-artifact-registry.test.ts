import assert from "node:assert/strict";
import { createHmac, createPublicKey, generateKeyPairSync } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { googleArtifactRegistry } from "../../../hook/source/google-artifact-registry.ts";
import { googleIssuers } from "../../../hook/source/oidc-setting.ts";
import { defaultSetting } from "../../../hook/source/setting.ts";
import { VerifierUnavailable } from "../../../hook/source/source.ts";
import { audience, email, type OidcIssuer, startOidcIssuer } from "../../support/oidc-issuer.ts";
import { readFixture, readWith, requestWith } from "../../support/webhooks.ts";

const source = googleArtifactRegistry;
const image = "us-east1-docker.pkg.dev/my-project/my-repo/hello-world";
const digest = "sha256:6ec128e26cd5c5d1f3a8f3b1d6d9e5f3f2cbe9b6c1f8d2c8a1f1d2b3c4d5e6f7";
const pushedAtMs = Date.parse("2021-02-26T19:13:55.749Z");

function readFile(name: string) {
  return readWith(source, readFixture("google-artifact-registry", name));
}

function readData(data: unknown) {
  const encoded = Buffer.from(JSON.stringify(data)).toString("base64");
  return source.read(requestWith({ message: { data: encoded }, subscription: "s" }), defaultSetting);
}

describe("a notification of Google Artifact Registry", () => {
  test("of a tag brings image, tag, digest, time and the message's id", () => {
    assert.deepEqual(readFile("new-tag"), {
      kind: "triggers",
      triggers: [{ image, tag: "1.1", digest, pushedAtMs }],
      deliveryId: "2070443601311540",
    });
  });

  test("may be without Pub/Sub's wrapping, with the metadata in headers", () => {
    assert.deepEqual(readFile("unwrapped"), readFile("new-tag"));
  });

  test("may be without a digest", () => {
    const reading = readFile("tag-without-digest");
    assert.ok(reading.kind === "triggers");
    assert.deepEqual(reading.triggers, [{ image, tag: "1.1", pushedAtMs }]);
  });

  for (const name of ["new-image", "delete-tag", "greeting"]) {
    test(`like ${name} asks for nothing`, () => assert.equal(readFile(name).kind, "ignored"));
  }

  const cases: [data: unknown, kind: string][] = [
    [{ action: "INSERT", tag: "gcr.io/p/web:v1" }, "triggers"],
    [{ action: "INSERT", tag: "gcr.io/p/web:" }, "malformed"],
    [{ action: "INSERT", tag: "gcr.io:443/p/web" }, "malformed"],
    [{ action: "INSERT", tag: "gcr.io/p/web:v1/../v2" }, "malformed"],
    [{ action: "INSERT", tag: { name: "v1" } }, "malformed"],
    [{ action: "INSERT", tag: "" }, "ignored"],
    [{ action: "INSERT", tag: null }, "ignored"],
    [{ action: 1, tag: "gcr.io/p/web:v1" }, "ignored"],
    [{}, "ignored"],
    [[], "ignored"],
    ["INSERT", "ignored"],
    [null, "ignored"],
  ];
  for (const [data, kind] of cases) {
    test(`with ${JSON.stringify(data)} is ${kind}`, () => assert.equal(readData(data).kind, kind));
  }

  test("is malformed without a message, and ignored when the message is without data", () => {
    const kindOf = (body: unknown) => source.read(requestWith(body), defaultSetting).kind;
    assert.equal(kindOf({ subscription: "s" }), "malformed");
    assert.equal(kindOf({ subscription: "s", message: [] }), "malformed");
    assert.equal(kindOf({ subscription: "s", message: { attributes: {} } }), "ignored");
    assert.equal(kindOf({ subscription: "s", message: { data: 5 } }), "ignored");
  });
});

describe("Pub/Sub's token", () => {
  let issuer: OidcIssuer;
  before(async () => {
    issuer = await startOidcIssuer();
  });
  after(() => issuer.stop());

  /** With a key set of its own where a test wants none that is known already. */
  function verify(token: string | undefined, keySet = "", nowMs = Date.now()) {
    const jwksUrl = new URL(`${issuer.jwksUrl}${keySet}`);
    const setting = { ...defaultSetting, oidc: { audience, email, issuers: googleIssuers, jwksUrl } };
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return source.verify?.({ headers, query: {}, raw: Buffer.alloc(0) }, setting, nowMs);
  }

  test("is right with every claim as it should be, from either name of the issuer", async () => {
    assert.equal(await verify(await issuer.sign()), undefined);
    assert.equal(await verify(await issuer.sign({ iss: "accounts.google.com" })), undefined);
    assert.equal(await verify(await issuer.sign({ aud: ["https://other.example", audience] })), undefined);
  });

  const nowSeconds = Math.floor(Date.now() / 1000);
  const wrong: [what: string, claims: object, problem: RegExp][] = [
    ["another audience", { aud: "https://other.example" }, /claim `aud`/],
    ["no audience", { aud: undefined }, /claim `aud`/],
    ["an audience that only starts right", { aud: `${audience}x` }, /claim `aud`/],
    ["another issuer", { iss: "https://accounts.google.com.evil.example" }, /claim `iss`/],
    ["no issuer", { iss: undefined }, /claim `iss`/],
    ["another account", { email: "other@acme.iam.gserviceaccount.com" }, /another account/],
    ["no account", { email: undefined }, /another account/],
    ["a list of accounts", { email: [email] }, /another account/],
    ["an account that is not verified", { email_verified: false }, /not verified/],
    ["an account that is verified by a text", { email_verified: "true" }, /not verified/],
    ["no word on whether the account is verified", { email_verified: undefined }, /not verified/],
    ["an end in the past", { iat: nowSeconds - 7200, exp: nowSeconds - 3600 }, /expired/],
    ["no end", { exp: undefined }, /claim `exp`/],
    ["an end that is a text", { exp: "tomorrow" }, /claim `exp`/],
    ["no beginning", { iat: undefined }, /claim `iat`/],
    ["a beginning in the future", { nbf: nowSeconds + 600 }, /claim `nbf`/],
  ];
  for (const [what, claims, problem] of wrong) {
    test(`is refused with ${what}`, async () =>
      assert.match(String(await verify(await issuer.sign(claims))), problem));
  }

  test("is good for a minute longer, for clocks that differ", async () => {
    const token = await issuer.sign({ exp: nowSeconds });
    assert.equal(await verify(token, "", (nowSeconds + 50) * 1000), undefined);
    assert.match(String(await verify(token, "", (nowSeconds + 70) * 1000)), /expired/);
  });

  test("is refused when it is of another key, also one with the same name", async () => {
    const { privateKey: key } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    assert.match(String(await verify(await issuer.sign({}, { key }))), /signature/);
    assert.match(String(await verify(await issuer.sign({}, { key, keyId: "other" }))), /no such key/);
  });

  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");

  test("is refused without a signature, and when the public key was taken for a shared secret", async () => {
    const [header = "", claims = ""] = (await issuer.sign()).split(".");
    const { kid } = JSON.parse(Buffer.from(header, "base64url").toString());
    assert.match(
      String(await verify(`${encode({ alg: "none", kid })}.${claims}.`)),
      /no OpenID Connect token/,
    );
    assert.match(
      String(await verify(`${encode({ alg: "none", kid })}.${claims}.AAAA`)),
      /not signed with RS256/,
    );
    const { keys } = (await (await fetch(issuer.jwksUrl)).json()) as { keys: [object] };
    const pem = createPublicKey({ key: keys[0] as never, format: "jwk" }).export({
      type: "spki",
      format: "pem",
    });
    const text = `${encode({ alg: "HS256", kid })}.${claims}`;
    const mac = createHmac("sha256", pem).update(text).digest("base64url");
    assert.match(String(await verify(`${text}.${mac}`)), /not signed with RS256/);
  });

  test("is refused when its claims were changed after it was signed", async () => {
    const [header, , signature] = (await issuer.sign({ email: "other@acme.example" })).split(".");
    const [, claims] = (await issuer.sign()).split(".");
    assert.match(String(await verify(`${header}.${claims}.${signature}`)), /signature/);
  });

  test("is asked for when there is none", async () => {
    for (const token of [undefined, "", "x", "a.b", "a.b.c.d", "a b.c.d", "ä.b.c"])
      assert.match(String(await verify(token)), /no OpenID Connect token/, token);
    assert.match(String(await verify("a.b.c")), /refused/);
    assert.match(String(await verify(`${encode([])}.${encode({})}.AAAA`)), /refused/);
  });

  test("costs one question for the keys, however many tokens come", async () => {
    const before = issuer.fetches();
    const token = await issuer.sign();
    await Promise.all(Array.from({ length: 20 }, () => verify(token, "?once")));
    assert.equal(issuer.fetches(), before + 1);
  });

  const broken: [what: string, answer: Parameters<OidcIssuer["answerWith"]>[0]][] = [
    ["does not find its keys", { status: 404 }],
    ["fails", { status: 500, body: "{}" }],
    ["answers with no JSON", { status: 200, body: "<html>" }],
    ["answers with no keys", { status: 200, body: "{}" }],
    ["leads elsewhere", { status: 302 }],
  ];
  for (const [what, answer] of broken) {
    test(`can be neither right nor wrong while its issuer ${what}`, async () => {
      const token = await issuer.sign();
      issuer.answerWith(answer);
      await assert.rejects(async () => verify(token, `?${encodeURIComponent(what)}`), VerifierUnavailable);
      issuer.answerWith(undefined);
    });
  }

  test("can be neither right nor wrong while its issuer is not there; a question a second is enough", async () => {
    const token = await issuer.sign();
    issuer.answerWith({ status: 503 });
    const before = issuer.fetches();
    for (let times = 0; times < 5; times++)
      await assert.rejects(async () => verify(token, "?away"), VerifierUnavailable);
    assert.equal(issuer.fetches(), before + 1);
    issuer.answerWith(undefined);
  });

  test("can be neither right nor wrong while its issuer keeps silent, which is not waited for long", async () => {
    const token = await issuer.sign();
    issuer.answerWith("silence");
    const startedMs = performance.now();
    await assert.rejects(async () => verify(token, "?silent"), VerifierUnavailable);
    assert.ok(performance.now() - startedMs < 5000);
    issuer.answerWith(undefined);
  });

  test("is right by a key that its issuer has had for a moment only", async (t) => {
    const nowMs = Date.now();
    t.mock.timers.enable({ apis: ["Date"], now: nowMs });
    assert.equal(await verify(await issuer.sign(), "?new", nowMs), undefined);
    issuer.changeKey();
    const token = await issuer.sign();
    // Asked for no more often than twice a minute, whatever names of keys come along.
    assert.match(String(await verify(token, "?new", nowMs)), /no such key/);
    t.mock.timers.tick(31_000);
    assert.equal(await verify(token, "?new", nowMs), undefined);
  });

  test("is not verified by `signing`, which Pub/Sub cannot use", () => {
    const setting = { signing: ["key-0123456789abcdef"] };
    const headers = { authorization: "Bearer key-0123456789abcdef" };
    assert.match(
      String(source.verify?.({ headers, query: {}, raw: Buffer.alloc(0) }, setting, 0)),
      /use `webhook.oidc`/,
    );
  });
});
