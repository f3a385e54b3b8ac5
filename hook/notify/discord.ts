import { z } from "zod";
import type { Fields } from "../config/fields.ts";
import { isJsonObject } from "../json.ts";
import type { DeploymentEvent, EventName } from "./event.ts";
import { composeMessage, shorten, type Wording, wordingFields } from "./message.ts";
import type { NotifierKind, NotifierSetting, SendContext, SendResult } from "./notifier.ts";
import { post } from "./post.ts";
import { isHttpUrl } from "./url.ts";

type Options = z.output<ReturnType<typeof schema>>;

/** Posts to a channel's webhook. */
export const discord: NotifierKind<Options> = { name: "discord", schema, create };

function schema(fields: Fields) {
  return z.strictObject({
    url: fields.secret("the channel's webhook URL", isHttpUrl("https://discord.com/api/webhooks/…/…")),
    username: z.string().min(1).max(80).optional().describe("the name to post under"),
    ...wordingFields(fields),
  });
}

function create(options: Options, { deploymentsUrl }: NotifierSetting) {
  const url = new URL(options.url);
  // Otherwise Discord answers 204 before it has looked whether the message can be posted.
  url.searchParams.set("wait", "true");
  return {
    send: (event: DeploymentEvent, { signal }: SendContext): Promise<SendResult> =>
      post({
        receiver: "Discord",
        url,
        body: JSON.stringify(buildDiscordMessage(event, options, deploymentsUrl)),
        signal,
        quote: ({ body }) => readMessage(body),
        advice: "look at the webhook in the channel's settings, and copy its URL again",
      }),
  };
}

const colours: Readonly<Record<EventName, number>> = {
  succeeded: 0x2eb67d,
  recovered: 0x2eb67d,
  failed: 0xe01e5a,
  "rolled-back": 0xe01e5a,
  "waiting-for-approval": 0xecb22e,
};

/** Discord's limits for an embed: 256 letters of title, 4096 of description, 1024 of a field, 6000 in all. */
export function buildDiscordMessage(
  event: DeploymentEvent,
  { username, ...wording }: Wording & { username?: string | undefined },
  deploymentsUrl: string | undefined,
): object {
  const { title, text, facts, url } = composeMessage(event, wording, deploymentsUrl, escapeDiscord);
  return {
    ...(username !== undefined && { username }),
    // Whatever a tag or a reason says, nobody is called by it.
    allowed_mentions: { parse: [] },
    embeds: [
      {
        title: shorten(title, 256),
        description: shorten(text, 3000),
        color: colours[event.event],
        ...(url !== undefined && { url }),
        fields: facts.map(({ name, value }) => ({
          name,
          value: shorten(value, 300),
          inline: value.length <= 40,
        })),
        footer: { text: `deployment ${event.deployment.id}` },
        timestamp: new Date(event.atMs).toISOString(),
      },
    ],
  };
}

/** A backslash before any character of its Markdown; addresses stay as they are, for people to follow. */
export function escapeDiscord(value: string): string {
  return value
    .split(/(https?:\/\/[^\s<>()[\]*~`|\\]+)/)
    .map((part, index) => (index % 2 === 1 ? part : part.replace(/[\\*_~`|<>#[\]()@-]/g, "\\$&")))
    .join("");
}

/** Errors are `{"message": "Unknown Webhook", "code": 10015}`. */
function readMessage(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body);
    const message = isJsonObject(parsed) ? parsed["message"] : undefined;
    return typeof message === "string" ? shorten(message, 200) : "";
  } catch {
    return "";
  }
}
