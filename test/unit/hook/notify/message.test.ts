import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseTemplate, type Template } from "../../../../hook/config/template.ts";
import { describeEvent, type EventName } from "../../../../hook/notify/event.ts";
import { composeMessage, formatDuration, placeholders, shorten } from "../../../../hook/notify/message.ts";
import { startedDeployment } from "../../../support/deployments.ts";
import { eventWith, failure, setting } from "../../../support/notify.ts";

function template(text: string): Template {
  const parsed = parseTemplate(text, Object.keys(placeholders));
  if ("problems" in parsed) throw new Error(parsed.problems.join());
  return parsed.template;
}

describe("a message", () => {
  const titles: [event: EventName, title: string][] = [
    ["succeeded", "blog: v2 is deployed"],
    ["failed", "blog: deploying v2 failed"],
    ["rolled-back", "blog: v2 was rolled back to v1"],
    ["recovered", "blog: v2 is deployed, after a failure before"],
    ["waiting-for-approval", "blog: v2 waits for approval (deployment 12)"],
  ];
  for (const [event, title] of titles) {
    test(`about ${event} is headed "${title}"`, () => {
      const message = composeMessage(eventWith({ rolledBackTo: "v1" }, { event }), {}, undefined);
      assert.equal(message.title, title);
    });
  }

  test("has the reason, what is known besides, and where there is more", () => {
    const message = composeMessage(failure, {}, setting.deploymentsUrl);
    assert.equal(message.text, failure.deployment.reason);
    assert.equal(message.url, "https://hook.example.org/dashboard/#/deployments/12");
    assert.deepEqual(
      message.facts.map(({ name, value }) => `${name}: ${value}`),
      [
        "Image: stut/blog:v2",
        "Before: v1",
        "Target: consul",
        "Asked for by: webhook",
        "Pushed by: ci",
        "Took: 5.0 s",
      ],
    );
  });

  test("says how long it took from the first try on", () => {
    const times = { firstStartedAtMs: 1_000, startedAtMs: 60_000, finishedAtMs: 61_000 };
    const event = describeEvent("failed", 61_000, startedDeployment(times), null);
    const took = composeMessage(event, {}, undefined).facts.find(({ name }) => name === "Took");
    assert.equal(took?.value, "1 min");
  });

  test("leaves out what is not known", () => {
    const event = eventWith({ pusher: null, reason: null, startedAtMs: null }, { previousTag: null });
    const message = composeMessage(event, {}, undefined);
    assert.equal(message.text, "");
    assert.equal(message.url, undefined);
    assert.deepEqual(
      message.facts.map(({ name }) => name),
      ["Image", "Target", "Asked for by"],
    );
  });

  test("says what the operator has written, with every placeholder there is", () => {
    const names = Object.keys(placeholders);
    const text = template(names.map((name) => `${name}=\${${name}}`).join("\n"));
    const message = composeMessage(
      failure,
      { title: template(`\${service}!`), text },
      "https://h.example/dashboard/#/deployments",
    );
    assert.equal(message.title, "blog!");
    assert.equal(
      message.text,
      [
        "service=blog",
        "image=stut/blog",
        "tag=v2",
        "digest=",
        "event=failed",
        "state=failed",
        `reason=${failure.deployment.reason}`,
        "target=consul",
        "source=docker-hub",
        "cause=webhook",
        "actor=webhook",
        "pusher=ci",
        "id=12",
        "attempt=1",
        "previousTag=v1",
        "rolledBackTo=",
        "duration=5.0 s",
        "time=2026-08-01T10:00:05Z",
        "url=https://h.example/dashboard/#/deployments/12",
      ].join("\n"),
    );
  });

  test("quotes a reason on one line and not for ever", () => {
    const event = eventWith({ reason: `a\r\nb\u202ec\u0007${"x".repeat(5000)}` });
    const { text } = composeMessage(event, {}, undefined);
    assert.match(text, /^a b c x+…$/);
    assert.equal(text.length, 1000);
  });
});

test("a text is cut between characters, not within one", () => {
  assert.equal(shorten("abc", 3), "abc");
  assert.equal(shorten("abcd", 3), "ab…");
  assert.equal(shorten("a😀bc", 3), "a…");
  assert.equal(shorten("a😀bc", 4), "a😀…");
});

describe("a duration", () => {
  const durations: [durationMs: number, text: string][] = [
    [0, "0.0 s"],
    [-5000, "0.0 s"],
    [940, "0.9 s"],
    [9999, "10.0 s"],
    [59_400, "59 s"],
    [60_000, "1 min"],
    [65_000, "1 min 5 s"],
    [3_600_000, "1 h"],
    [5_430_000, "1 h 30 min"],
  ];
  for (const [durationMs, text] of durations)
    test(`of ${durationMs} ms is told as ${text}`, () => assert.equal(formatDuration(durationMs), text));
});
