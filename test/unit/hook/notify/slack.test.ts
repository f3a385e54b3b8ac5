import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { buildSlackMessage, slack } from "../../../../hook/notify/slack.ts";
import {
  eventWith,
  failure,
  type Receiver,
  readOptions,
  sendWith,
  setting,
  startReceiver,
} from "../../../support/notify.ts";

let receiver: Receiver;
before(async () => {
  receiver = await startReceiver();
});
after(() => receiver.stop());

interface SlackMessage {
  channel?: string;
  username?: string;
  attachments: [Record<string, unknown> & { fields: { title: string; value: string; short: boolean }[] }];
}

function build(event = failure, given: object = {}): SlackMessage {
  const options = readOptions(slack, { url: "https://hooks.slack.com/services/T0/B0/x", ...given });
  return buildSlackMessage(event, options, setting.deploymentsUrl) as SlackMessage;
}

describe("a message for Slack", () => {
  test("is one attachment with a colour, a link and short facts", () => {
    const { attachments, ...rest } = build();
    assert.deepEqual(rest, {});
    const [{ fields, ...attachment }] = attachments;
    assert.deepEqual(attachment, {
      fallback: `blog: deploying v2 failed: ${failure.deployment.reason}`,
      color: "#e01e5a",
      title: "blog: deploying v2 failed",
      title_link: "https://hook.example.org/dashboard/#/deployments/12",
      text: failure.deployment.reason,
      mrkdwn_in: [],
      footer: "deployment 12, failed",
      ts: Date.UTC(2026, 7, 1, 10, 0, 5) / 1000,
    });
    assert.deepEqual(fields[0], { title: "Image", value: "stut/blog:v2", short: true });
  });

  test("cannot call anybody by what a sender or an engine said", () => {
    const [attachment] = build(
      eventWith({ reason: "<!channel> & <@U1> <http://evil|here>", pusher: "<!here>" }),
    ).attachments;
    assert.equal(attachment["text"], "&lt;!channel&gt; &amp; &lt;@U1&gt; &lt;http://evil|here&gt;");
    assert.doesNotMatch(JSON.stringify(attachment), /<[!@h]/);
  });

  test("may call people where the operator has written so, and is marked up there only", () => {
    const [attachment] = build(eventWith({ reason: "<!channel>" }), {
      text: `<!here> *\${service}* ended: \${reason}`,
    }).attachments;
    assert.equal(attachment["text"], "<!here> *blog* ended: &lt;!channel&gt;");
    assert.deepEqual(attachment["mrkdwn_in"], ["text"]);
  });

  test("names another channel and user where the config does", () => {
    const { channel, username } = build(failure, { channel: "#ops", username: "statigo" });
    assert.deepEqual([channel, username], ["#ops", "statigo"]);
  });
});

describe("Slack's incoming webhook", () => {
  test("gets the message at its secret URL", async () => {
    receiver.answer({ status: 200, body: "ok" });
    const sent = await sendWith(slack, { url: `${receiver.origin}/services/T0/B0/SECRET` });
    assert.deepEqual(sent, { ok: true });
    assert.equal(receiver.received.at(-1)?.url, "/services/T0/B0/SECRET");
  });

  // https://api.slack.com/messaging/webhooks, "Handling errors".
  const errors: [status: number, body: string, expected: RegExp][] = [
    [400, "invalid_payload", /answered 400 \(invalid_payload\)/],
    [403, "action_prohibited", /answered 403 \(action_prohibited\)/],
    [404, "no_service", /answered 404 \(no_service\)/],
    [410, "channel_is_archived", /answered 410 \(channel_is_archived\)/],
    [404, "Cannot POST /services/T0/B0/SECRET", /answered 404: look at the incoming webhook in Slack/],
  ];
  for (const [status, body, expected] of errors) {
    test(`that answers ${status} ${body.split("/")[0]} is not asked again, and what it says is told`, async () => {
      receiver.answer({ status, body });
      const sent = await sendWith(slack, { url: `${receiver.origin}/services/T0/B0/SECRET` });
      assert.ok(!sent.ok && !sent.isTemporary);
      assert.match(sent.problem, expected);
      assert.doesNotMatch(sent.problem, /SECRET/);
    });
  }
});
