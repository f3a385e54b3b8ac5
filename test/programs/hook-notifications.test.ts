import assert from "node:assert/strict";
import { globSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { alertmanager } from "../../hook/notify/alertmanager.ts";
import { email } from "../../hook/notify/email.ts";
import {
  type Alertmanager,
  alertmanagerMissing,
  type GivenAlert,
  startAlertmanager,
} from "../support/alertmanager.ts";
import {
  missingPackage,
  type RunningProgram,
  startProgram,
  waitUntilReady,
} from "../support/debian-program.ts";
import { freePorts } from "../support/free-port.ts";
import { configOf, script, startHook, type TestHook, temporaryFolder, until } from "../support/hook.ts";
import {
  contextFor,
  eventWith,
  failure,
  type Receiver,
  readOptions,
  sendWith,
  setting,
  startReceiver,
} from "../support/notify.ts";
import { createCertificate, type KeyPair } from "../support/registry.ts";

const target = script('case "$STATIGO_TAG" in bad*) echo broken; exit 1;; esac');
const notifications = { lookEveryMs: 50, sendTimeoutMs: 2000, firstRetryMs: 100, maximumRetryMs: 300 };

describe("a real Alertmanager", { skip: alertmanagerMissing }, () => {
  let receiver: Receiver;
  let manager: Alertmanager;
  let hook: TestHook;
  before(async () => {
    receiver = await startReceiver();
    manager = await startAlertmanager({ webhook: receiver.origin });
    const notifiers = `notifiers: { alerts: { alertmanager: { url: ${manager.origin}, labels: { severity: page } } } }`;
    const yaml = `publicUrl: https://hook.example.org\n${configOf({ blog: target, shop: target }, notifiers)}`;
    hook = await startHook(yaml, { notifications });
  });
  after(async () => {
    await hook.stop();
    await manager.stop();
    await receiver.stop();
  });

  async function deploy(tag: string, service = "blog"): Promise<void> {
    const answer = await hook.push(tag, { service, image: `stut/${service}` });
    const { deployments } = (await answer.json()) as { deployments: { id: number }[] };
    await hook.untilEnded(deployments[0]?.id ?? 0);
  }

  const firing = async () => (await manager.alerts()).map(({ labels }) => labels["service"]).toSorted();
  const passedOn = (status: string) =>
    receiver.received
      .flatMap(({ body }) => (JSON.parse(body) as { alerts: (GivenAlert & { status: string })[] }).alerts)
      .filter((alert) => alert.status === status);

  test("fires an alert for a service whose deployment failed, with what people need to know", async () => {
    await deploy("bad1");
    await until("the alert fires", async () => (await manager.alerts()).length === 1);
    const [alert] = await manager.alerts();
    assert.deepEqual(alert?.labels, {
      alertname: "StatigoDeploymentFailed",
      service: "blog",
      severity: "page",
    });
    assert.equal(alert?.annotations["summary"], "blog: deploying bad1 failed");
    assert.match(alert?.annotations["description"] ?? "", /ended with status 1/);
    assert.equal(alert?.generatorURL, "https://hook.example.org/dashboard/#/deployments/1");
    const lastsMs = Date.parse(alert?.endsAt ?? "") - Date.parse(alert?.startsAt ?? "");
    assert.equal(lastsMs, 7 * 24 * 3_600_000);
  });

  test("keeps one alert over further failures, and another service's apart", async () => {
    await deploy("bad2");
    await deploy("bad1", "shop");
    await until("both fire", async () => (await firing()).join() === "blog,shop");
    await until("it is about the newest", async () =>
      (await manager.alerts()).some(({ annotations }) => annotations["tag"] === "bad2"),
    );
  });

  test("resolves it at the next success, and tells those whom it has told of it", async () => {
    await deploy("v3");
    await until("blog's is over", async () => (await firing()).join() === "shop");
    await until("that is passed on", () => passedOn("resolved").length === 1);
    assert.equal(passedOn("resolved")[0]?.labels["service"], "blog");
  });

  test("gets what happened while it was away, in order: nothing fires that is over", async () => {
    const port = Number(new URL(manager.origin).port);
    await manager.stop();
    await deploy("bad4");
    await deploy("v5");
    await deploy("bad2", "shop");
    const pending = () => hook.store.countPendingNotifications().reduce((sum, { count }) => sum + count, 0);
    assert.equal(pending(), 3);
    manager = await startAlertmanager({ webhook: receiver.origin, port });
    await until("all are sent", () => pending() === 0);
    assert.deepEqual(await firing(), ["shop"]);
  });

  test("is asked whether it is ready", async () => {
    const check = (url: string) =>
      alertmanager.create(readOptions(alertmanager, { url }), setting).check?.(contextFor());
    assert.deepEqual(await check(manager.origin), {
      ok: true,
      detail: `Alertmanager at ${manager.origin} is ready`,
    });
    const elsewhere = await check(`${manager.origin}/elsewhere`);
    assert.match(elsewhere?.ok === false ? elsewhere.problem : "", /answered 404 to \/elsewhere\/-\/ready/);
  });

  test("refuses nothing of what it is sent, whatever a sender wrote", async () => {
    const event = eventWith({ reason: '"\\\u0000\n{{ .Labels }}', tag: `v${"9".repeat(120)}`, pusher: "😀" });
    assert.deepEqual(await sendWith(alertmanager, { url: manager.origin }, event), { ok: true });
  });
});

const aiosmtpdMissing = missingPackage("python3-aiosmtpd", "aiosmtpd");

describe("another maker's SMTP server", { skip: aiosmtpdMissing }, () => {
  const folder = temporaryFolder();
  let certificate: KeyPair;
  before(() => {
    certificate = createCertificate(folder);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function withServer(
    args: readonly string[],
    work: (port: number, mails: () => string[]) => Promise<void>,
  ) {
    const [port = 0] = await freePorts(1);
    const box = join(folder, `mail-${port}`);
    mkdirSync(box);
    const listen = ["-n", "-l", `127.0.0.1:${port}`];
    const running: RunningProgram = startProgram("aiosmtpd", [
      ...listen,
      ...args,
      "-c",
      "aiosmtpd.handlers.Mailbox",
      join(box, "in"),
    ]);
    const mails = () =>
      globSync("in/new/*", { cwd: box }).map((file) => readFileSync(join(box, file), "utf8"));
    const options = optionsFor(
      port,
      args.length === 0 ? "none" : args[0] === "--smtpscert" ? "tls" : "starttls",
    );
    const isReady = async () =>
      (await email.create(readOptions(email, options), setting).check?.(contextFor(500)))?.ok ?? false;
    await waitUntilReady(running, isReady);
    try {
      await work(port, mails);
    } finally {
      await running.kill();
    }
  }

  function optionsFor(port: number, security: string): object {
    const addresses = { from: "hook@example.org", to: ["Ops <ops@example.org>", "dev@example.org"] };
    return { host: "127.0.0.1", port, security, ...addresses, tls: { ca: certificate.certificate } };
  }

  const ways: [security: string, args: (pair: KeyPair) => string[]][] = [
    ["starttls", ({ certificate: file, key }) => ["--tlscert", file, "--tlskey", key]],
    ["tls", ({ certificate: file, key }) => ["--smtpscert", file, "--smtpskey", key]],
    ["none", () => []],
  ];
  for (const [security, args] of ways) {
    test(`takes a mail with security: ${security}`, async () => {
      await withServer(args(certificate), async (port, mails) => {
        assert.deepEqual(await sendWith(email, optionsFor(port, security), eventWith({ pusher: "Zoë" })), {
          ok: true,
        });
        const [mail = "", ...more] = mails();
        assert.equal(more.length, 0);
        assert.match(mail, /^Subject: blog: deploying v2 failed$/m);
        assert.match(mail, /^To: Ops <ops@example\.org>, dev@example\.org$/m);
        assert.match(mail, /^Auto-Submitted: auto-generated$/m);
        assert.match(mail, /Pushed by: Zo=C3=AB/);
      });
    });
  }

  test("that wants STARTTLS gets nothing in the clear", async () => {
    const [, args] = ways[0] ?? assert.fail();
    await withServer(args(certificate), async (port, mails) => {
      const sent = await sendWith(email, optionsFor(port, "none"), failure);
      assert.ok(!sent.ok);
      assert.match(sent.problem, /refused the mail \(530 Must issue a STARTTLS command first/);
      assert.deepEqual(mails(), []);
    });
  });
});
