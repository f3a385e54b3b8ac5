import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { buildMail, email } from "../../../../hook/notify/email.ts";
import { temporaryFolder } from "../../../support/hook.ts";
import { type MailServer, type MailServerOptions, startMailServer } from "../../../support/mail-server.ts";
import { contextFor, eventWith, failure, readOptions, sendWith, setting } from "../../../support/notify.ts";
import { createCertificate, type KeyPair } from "../../../support/registry.ts";

const folder = temporaryFolder();
let certificate: KeyPair;
before(() => {
  certificate = createCertificate(folder);
});
after(() => rmSync(folder, { recursive: true }));

async function withServer(options: MailServerOptions, work: (server: MailServer) => Promise<void>) {
  const server = await startMailServer({ certificate, ...options });
  try {
    await work(server);
  } finally {
    await server.stop();
  }
}

function optionsFor({ port }: { port: number }, more: object = {}): object {
  const trusted = { tls: { ca: certificate.certificate } };
  return {
    host: "127.0.0.1",
    port,
    from: "Hook <hook@example.org>",
    to: ["ops@example.org"],
    ...trusted,
    ...more,
  };
}

describe("a mail", () => {
  const options = { from: "Hook <hook@example.org>", to: ["ops@example.org"] };

  test("is text, says that a program sent it, and has the same id each time it is sent", () => {
    const mail = buildMail(failure, "msg_1", options, setting.deploymentsUrl);
    assert.equal(mail.subject, "blog: deploying v2 failed");
    assert.equal(mail.messageId, "<msg_1@example.org>");
    assert.deepEqual(mail.headers, { "Auto-Submitted": "auto-generated", "X-Statigo-Service": "blog" });
    assert.equal(
      mail.text,
      [
        "nothing listens at http://127.0.0.1:8500: is Consul running there?",
        "",
        "Image: stut/blog:v2\nBefore: v1\nTarget: consul\nAsked for by: webhook\nPushed by: ci\nTook: 5.0 s",
        "",
        "https://hook.example.org/dashboard/#/deployments/12\n",
      ].join("\n"),
    );
  });

  test("arrives as it was built, and what a sender wrote adds no header", async () => {
    await withServer({ security: "starttls" }, async (server) => {
      const event = eventWith({ reason: "no\r\nBcc: x@example.org\r\n.\r\nürgh", pusher: "a\r\nSubject: b" });
      assert.deepEqual(await sendWith(email, optionsFor(server), event), { ok: true });
      const [mail] = server.mails;
      assert.deepEqual(mail?.to, ["ops@example.org"]);
      const [head = "", body = ""] = (mail?.text ?? "").split("\r\n\r\n");
      assert.match(head, /^From: Hook <hook@example\.org>$/m);
      assert.match(head, /^Subject: blog: deploying v2 failed\r$/m);
      assert.match(head, /^Message-ID: <msg_0123456789@example\.org>\r$/m);
      assert.equal(head.match(/^(?:Subject|Bcc):/gm)?.length, 1);
      assert.match(body, /^no Bcc: x@example\.org \. =C3=BCrgh/);
    });
  });
});

describe("an SMTP server", () => {
  test("gets the mail over STARTTLS after the password was right", async () => {
    await withServer({ security: "starttls", password: "right" }, async (server) => {
      const given = optionsFor(server, { username: "hook", password: "right" });
      assert.deepEqual(await sendWith(email, given), { ok: true });
      assert.deepEqual([server.mails[0]?.isSecure, server.mails[0]?.user], [true, "hook"]);
    });
  });

  test("gets the mail over TLS", async () => {
    await withServer({ security: "tls", password: "right" }, async (server) => {
      const given = optionsFor(server, { security: "tls", username: "hook", password: "right" });
      assert.deepEqual(await sendWith(email, given), { ok: true });
      assert.equal(server.mails[0]?.isSecure, true);
    });
  });

  test("gets the mail without TLS only when the config says so", async () => {
    await withServer({ security: "none" }, async (server) => {
      const refused = await sendWith(email, optionsFor(server));
      assert.ok(!refused.ok && refused.isTemporary);
      assert.match(
        refused.problem,
        /^the SMTP server at 127\.0\.0\.1:\d+ does not offer STARTTLS: set security to/,
      );
      assert.deepEqual(await sendWith(email, optionsFor(server, { security: "none" })), { ok: true });
      assert.equal(server.mails.length, 1);
    });
  });

  test("whose certificate is not trusted gets nothing, not even the password", async () => {
    await withServer({ security: "starttls", password: "right" }, async (server) => {
      const given = optionsFor(server, { tls: undefined, username: "hook", password: "right" });
      const sent = await sendWith(email, given);
      assert.ok(!sent.ok && sent.isTemporary);
      assert.match(sent.problem, /has a certificate that is not trusted \(\w+\): set tls\.ca/);
      assert.equal(server.mails.length, 0);
    });
  });

  test("that refuses the password is tried again, and the password is not told", async () => {
    await withServer({ security: "starttls", password: "right" }, async (server) => {
      const sent = await sendWith(email, optionsFor(server, { username: "hook", password: "wrong-SECRET" }));
      assert.ok(!sent.ok && sent.isTemporary);
      assert.match(sent.problem, /refused the username and password \(535 5\.7\.8/);
      assert.doesNotMatch(sent.problem, /SECRET|aG9vaw/);
    });
  });

  const refusals: [code: number, text: string, isTemporary: boolean][] = [
    [451, "4.7.1 Greylisted, try again", true],
    [452, "4.3.1 Out of storage", true],
    [550, "5.1.1 No such user here", false],
    [554, "5.7.1 Spam", false],
  ];
  for (const [code, text, isTemporary] of refusals) {
    test(`that answers ${code} ${text} is ${isTemporary ? "tried" : "not tried"} again`, async () => {
      await withServer({ security: "starttls", refusal: { code, text } }, async (server) => {
        const sent = await sendWith(email, optionsFor(server));
        assert.ok(!sent.ok && sent.isTemporary === isTemporary, JSON.stringify(sent));
        assert.ok(sent.problem.includes(`refused the mail (${code} ${text}`), sent.problem);
      });
    });
  }

  test("that takes a mail for some only is told of, and not sent it again", async () => {
    const onRcptTo: MailServerOptions["onRcptTo"] = ({ address }, _session, done) =>
      done(address.startsWith("ops") ? null : Object.assign(new Error("unknown"), { responseCode: 550 }));
    await withServer({ security: "starttls", onRcptTo }, async (server) => {
      const sent = await sendWith(email, optionsFor(server, { to: ["ops@example.org", "gone@example.org"] }));
      assert.ok(!sent.ok && !sent.isTemporary);
      assert.match(sent.problem, /took the mail, but not for gone@example\.org$/);
      assert.deepEqual(server.mails[0]?.to, ["ops@example.org"]);
    });
  });

  test("that is not there, or does not speak, is tried again", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => silent.once("listening", resolve));
    const { port } = silent.address() as AddressInfo;
    const unanswered = await sendWith(email, optionsFor({ port }), failure, contextFor(150));
    assert.ok(!unanswered.ok && unanswered.isTemporary);
    assert.match(unanswered.problem, /the SMTP server at 127\.0\.0\.1:\d+ did not answer in time/);
    await new Promise((resolve) => silent.close(resolve));
    const nobody = await sendWith(email, optionsFor({ port }));
    assert.ok(!nobody.ok && nobody.isTemporary);
    assert.equal(nobody.problem, `nothing listens at 127.0.0.1:${port}: is the SMTP server running there?`);
  });

  test("is asked by `hook check` without being sent a mail", async () => {
    await withServer({ security: "starttls", password: "right" }, async (server) => {
      const check = (more: object) =>
        email.create(readOptions(email, optionsFor(server, more)), setting).check?.(contextFor());
      assert.deepEqual(await check({ username: "hook", password: "right" }), {
        ok: true,
        detail: `the SMTP server at 127.0.0.1:${server.port} takes the password of hook`,
      });
      const wrong = await check({ username: "hook", password: "wrong" });
      assert.match(wrong?.ok === false ? wrong.problem : "", /refused the username and password/);
      assert.equal(server.mails.length, 0);
    });
  });
});
