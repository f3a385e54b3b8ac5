import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { createFields } from "../../../../hook/config/fields.ts";
import { knownKeys } from "../../../../hook/config/schema-walk.ts";
import { defaultEvents, eventNames } from "../../../../hook/notify/event.ts";
import { notifiers, notifiersSchema } from "../../../../hook/notify/index.ts";
import { placeholders } from "../../../../hook/notify/message.ts";
import { buildWebhookBody } from "../../../../hook/notify/webhook.ts";
import { failure, setting } from "../../../support/notify.ts";

const fields = createFields({ environment: {}, directory: "/" });
const text = readFileSync(new URL("../../../../docs/hook/notifications.md", import.meta.url), "utf8");
const sections = new Map(text.split(/^## /m).map((section) => [section.split("\n")[0] ?? "", section]));

/** The names in the first column of the first table whose head begins so. */
function namesIn(section = "", head: string): string[] {
  const [table = ""] = new RegExp(`^\\| ${head} .*\n(?:\\|.*\n)*`, "m").exec(section) ?? [];
  const cells = table
    .split("\n")
    .slice(2)
    .map((row) => row.split("|")[1] ?? "");
  return cells.flatMap((cell) => [...cell.matchAll(/`([\w.-]+)`/g)].map(([, name = ""]) => name));
}

describe("docs/hook/notifications.md", () => {
  for (const kind of notifiers) {
    test(`has every key of ${kind.name}, and no other`, () => {
      const keys = knownKeys(kind.schema(fields), []);
      assert.deepEqual(namesIn(sections.get(`\`${kind.name}\``), "key").sort(), keys.sort());
    });
  }

  test("has every key that all notifiers have, and the events", () => {
    const keys = knownKeys(notifiersSchema(fields), ["ops"]);
    const common = keys.filter((key) => notifiers.every(({ name }) => name !== key));
    assert.deepEqual(namesIn(text, "key").sort(), common.sort());
    assert.deepEqual(namesIn(text, "event").sort(), [...eventNames].sort());
    const [, said = ""] = /^\| `on` \| ([^|]+) \|/m.exec(text) ?? [];
    assert.equal(said, defaultEvents.map((name) => `\`${name}\``).join(", "));
  });

  test("has every name that can be filled in, and no other", () => {
    assert.deepEqual(
      namesIn(sections.get("Words of your own"), "name").sort(),
      Object.keys(placeholders).sort(),
    );
  });

  test("shows a webhook's body as it is", () => {
    const [, example = ""] = /^```json\n(.*?)^```$/ms.exec(text) ?? [];
    assert.deepEqual(JSON.parse(example), buildWebhookBody(failure, setting.deploymentsUrl));
  });
});
