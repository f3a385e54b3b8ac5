import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseConfig } from "../../../../hook/config/load.ts";
import { configOf } from "../../../support/hook.ts";
import { contextFor, failure, startReceiver } from "../../../support/notify.ts";

function load(notifiers: string, notify = "", environment = {}) {
  const yaml = `${configOf({ blog: "{ command: { run: [./x] } }" }, notifiers)}    ${notify}\n`;
  return parseConfig(yaml, "hook.yaml", environment);
}

function problemsOf(notifiers: string, notify?: string, environment?: object): string[] {
  const loaded = load(notifiers, notify, environment);
  return "problems" in loaded ? loaded.problems : [];
}

const slack = '{ slack: { url: "https://hooks.slack.com/services/T/B/SECRET" } }';
const mail = "host: mail.example.org, from: hook@example.org, to: [ops@example.org]";

describe("the config of notifiers", () => {
  const good: string[] = [
    `notifiers: { ops: ${slack} }`,
    "notifiers: { ops: { slack: { url: { env: SLACK } }, on: [failed], giveUpAfter: 90m } }",
    `publicUrl: https://hook.example.org/\nnotifiers: { ops: { email: { ${mail} } } }`,
    `notifiers: { ops: { email: { ${mail}, security: tls, port: 465, username: u, password: p } } }`,
    `notifiers: { ops: { email: { ${mail}, title: '\${service}: \${event}', text: '$\${not} \${reason}' } } }`,
    "notifiers: { a: { alertmanager: { url: http://127.0.0.1:9093, labels: { severity: page } } } }",
    "notifiers: {}",
  ];
  for (const text of good)
    test(`takes ${text.replace(/\s+/g, " ")}`, () =>
      assert.deepEqual(problemsOf(text, "", { SLACK: "https://hooks.slack.com/services/T/B/x" }), []));

  const links: [more: string, url: string | null][] = [
    ["", null],
    ["publicUrl: https://hook.example.org/", "https://hook.example.org/dashboard/#/deployments/12"],
    ["publicUrl: http://example.org/hook", "http://example.org/hook/dashboard/#/deployments/12"],
    [
      "publicUrl: https://hook.example.org\ndashboard: { enabled: false }",
      "https://hook.example.org/api/deployments/12",
    ],
  ];
  for (const [more, url] of links)
    test(`with "${more.replace("\n", ", ")}" links to ${url ?? "nothing"}`, async () => {
      const receiver = await startReceiver();
      try {
        const hooked = `{ webhook: { url: "${receiver.origin}", signing: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw] } }`;
        const loaded = load(`${more}\nnotifiers: { ops: ${hooked} }`);
        if ("problems" in loaded) throw new Error(loaded.problems.join());
        await loaded.config.notifiers.get("ops")?.notifier.send(failure, contextFor());
        assert.equal(JSON.parse(receiver.received[0]?.body ?? "{}").data.url, url);
      } finally {
        await receiver.stop();
      }
    });

  const bad: [notifiers: string, problem: RegExp][] = [
    [
      "notifiers: { ops: {} }",
      /notifiers\.ops: must have exactly one of slack, discord, webhook, email, alertmanager/,
    ],
    [`notifiers: { ops: { slak: {} } }`, /notifiers\.ops\.slak: unknown key; did you mean `slack`\?/],
    [`notifiers: { "Ops 1": ${slack} }`, /a notifier's name has small letters/],
    ["notifiers: { ops: { slack: {} } }", /notifiers\.ops\.slack\.url: missing/],
    ["notifiers: { ops: { slack: { url: hooks } } }", /slack\.url: must be an http or https URL/],
    ["notifiers: { ops: { slack: { url: 'https://u:SECRET@h/' } } }", /must not have a user or a password/],
    [
      `notifiers: { ops: { slack: { url: 'http://h/', text: '\${sevice}' } } }`,
      /text: \$\{sevice\} is not known here; did you mean \$\{service\}\?/,
    ],
    [
      `notifiers: { ops: { slack: { url: 'http://h/', title: '\${XDG_RUNTIME_DIR}' } } }`,
      /title: \$\{XDG_RUNTIME_DIR\} is not known here; known: \$\{service\}/,
    ],
    [
      "notifiers: { ops: { discord: { url: 'http://h/' }, on: [exploded] } }",
      /ops\.on\.0: must be one of succeeded, failed/,
    ],
    [
      "notifiers: { ops: { discord: { url: 'http://h/' }, on: [] } }",
      /ops\.on: must name at least one event/,
    ],
    [
      "notifiers: { a: { alertmanager: { url: 'http://h/' }, on: [failed, succeeded] } }",
      /a\.on\.1: must be one of failed, rolled-back, recovered/,
    ],
    [
      "notifiers: { a: { alertmanager: { url: 'http://h/', labels: { service: x } } } }",
      /is set by the hook itself/,
    ],
    [
      "notifiers: { a: { alertmanager: { url: 'http://h/', username: x } } }",
      /username and password go together/,
    ],
    ["notifiers: { w: { webhook: { url: 'http://h/' } } }", /webhook\.signing: missing: the signing key/],
    [
      "notifiers: { w: { webhook: { url: 'http://h/', signing: [SECRET] } } }",
      /signing\.0: must be whsec_ and 24 to 64 bytes/,
    ],
    [
      "notifiers: { m: { email: { host: h, from: a@b, to: [] } } }",
      /email\.to: must have at least one address/,
    ],
    [
      "notifiers: { m: { email: { host: h, from: 'a@b\\nBcc: x@y', to: [a@b] } } }",
      /email\.from: must be an address/,
    ],
    [
      `notifiers: { m: { email: { ${mail}, security: none, username: u, password: SECRET } } }`,
      /a password is not sent without TLS/,
    ],
    ["publicUrl: hook.example.org", /publicUrl: must be an http or https URL/],
  ];
  for (const [text, problem] of bad) {
    test(`refuses ${text}`, () => {
      const problems = problemsOf(text).join("\n");
      assert.match(problems, problem);
      assert.doesNotMatch(problems, /SECRET/);
    });
  }

  test("refuses a service's notifier that is not there, at its place", () => {
    const [problem] = problemsOf(`notifiers: { ops: ${slack} }`, "notify: [ops, opps]");
    assert.match(
      problem ?? "",
      /:\d+:19 services\.blog\.notify\.1: there is no notifier opps; did you mean `ops`\?/,
    );
  });
});
