import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { buildDiscordMessage, discord, escapeDiscord } from "../../../../hook/notify/discord.ts";
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

interface DiscordMessage {
  username?: string;
  allowed_mentions: unknown;
  embeds: [Record<string, unknown> & { fields: { name: string; value: string; inline: boolean }[] }];
}

function build(event = failure, given: object = {}): DiscordMessage {
  const options = readOptions(discord, { url: "https://discord.com/api/webhooks/1/x", ...given });
  return buildDiscordMessage(event, options, setting.deploymentsUrl) as DiscordMessage;
}

describe("a message for Discord", () => {
  test("is one embed that nobody is called by", () => {
    const { embeds, ...rest } = build();
    assert.deepEqual(rest, { allowed_mentions: { parse: [] } });
    const [{ fields, ...embed }] = embeds;
    assert.deepEqual(embed, {
      title: "blog: deploying v2 failed",
      description: "nothing listens at http://127.0.0.1:8500: is Consul running there?",
      color: 0xe01e5a,
      url: "https://hook.example.org/dashboard/#/deployments/12",
      footer: { text: "deployment 12" },
      timestamp: "2026-08-01T10:00:05.000Z",
    });
    assert.deepEqual(fields[0], { name: "Image", value: "stut/blog:v2", inline: true });
  });

  test("keeps to Discord's limits whatever the reason", () => {
    const long = eventWith({
      reason: "*".repeat(9000),
      pusher: "p".repeat(100),
      image: `${"i/".repeat(120)}x`,
    });
    const message = build(long, { text: "t".repeat(9000), title: "x".repeat(400) });
    const [embed] = message.embeds;
    assert.ok(String(embed["title"]).length <= 256);
    assert.ok(String(embed["description"]).length <= 4096);
    assert.ok(embed.fields.every(({ value }) => value.length <= 1024));
    const letters = [
      embed["title"],
      embed["description"],
      ...embed.fields.flatMap(({ name, value }) => [name, value]),
    ];
    assert.ok(letters.join("").length + 20 <= 6000);
  });

  const escapes: [text: string, escaped: string][] = [
    ["plain words", "plain words"],
    ["**bold** _it_ `x` ~~s~~ ||sp||", "\\*\\*bold\\*\\* \\_it\\_ \\`x\\` \\~\\~s\\~\\~ \\|\\|sp\\|\\|"],
    ["[here](http://evil.example/a_b)", "\\[here\\]\\(http://evil.example/a_b\\)"],
    ["@everyone <@1> # head", "\\@everyone \\<\\@1\\> \\# head"],
    ["back\\slash", "back\\\\slash"],
    ["see https://example.org/a_b-c?d=e*", "see https://example.org/a_b-c?d=e\\*"],
  ];
  for (const [text, escaped] of escapes)
    test(`shows ${text} as it is`, () => assert.equal(escapeDiscord(text), escaped));
});

describe("Discord's webhook", () => {
  test("is asked to wait until the message is posted", async () => {
    receiver.answer({ status: 200, body: "{}" });
    const sent = await sendWith(discord, { url: `${receiver.origin}/api/webhooks/1/SECRET?thread_id=5` });
    assert.deepEqual(sent, { ok: true });
    assert.equal(receiver.received.at(-1)?.url, "/api/webhooks/1/SECRET?thread_id=5&wait=true");
  });

  test("that is not there any more is not asked again", async () => {
    receiver.answer({ status: 404, body: '{"message": "Unknown Webhook", "code": 10015}' });
    const sent = await sendWith(discord, { url: `${receiver.origin}/api/webhooks/1/SECRET` });
    assert.ok(!sent.ok && !sent.isTemporary);
    assert.match(
      sent.problem,
      /answered 404 \(Unknown Webhook\): look at the webhook in the channel's settings/,
    );
  });

  test("that was asked too often is left alone for as long as it says", async () => {
    receiver.answer({
      status: 429,
      headers: { "retry-after": "1.337" },
      body: '{"message": "You are being rate limited.", "retry_after": 1.337, "global": false}',
    });
    const sent = await sendWith(discord, { url: `${receiver.origin}/api/webhooks/1/SECRET` });
    assert.ok(!sent.ok && sent.isTemporary && sent.retryAfterMs === 1337);
  });
});
