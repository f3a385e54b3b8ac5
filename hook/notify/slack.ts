import { z } from "zod";
import type { Fields } from "../config/fields.ts";
import { type DeploymentEvent, type EventName, isBad } from "./event.ts";
import { composeMessage, shorten, type Wording, wordingFields } from "./message.ts";
import type { NotifierKind, NotifierSetting } from "./notifier.ts";
import { post } from "./post.ts";
import { isHttpUrl } from "./url.ts";

type Options = z.output<ReturnType<typeof schema>>;

/** Posts to an incoming webhook of Slack, or of what understands the same: Mattermost, Rocket.Chat. */
export const slack: NotifierKind<Options> = { name: "slack", schema, create };

function schema(fields: Fields) {
  return z.strictObject({
    url: fields.secret("the incoming webhook's URL", isHttpUrl("https://hooks.slack.com/services/T…/B…/…")),
    channel: z
      .string()
      .max(80)
      .optional()
      .describe("another channel than the webhook's, where it may choose"),
    username: z.string().max(80).optional().describe("the name to post under, where the webhook may choose"),
    ...wordingFields(fields),
  });
}

function create(options: Options, { deploymentsUrl }: NotifierSetting) {
  const url = new URL(options.url);
  return {
    send: (event: DeploymentEvent, { signal }: { signal: AbortSignal }) =>
      post({
        receiver: "Slack",
        url,
        body: JSON.stringify(buildSlackMessage(event, options, deploymentsUrl)),
        signal,
        // Slack answers with one word, such as `channel_is_archived`; anything else may repeat the URL.
        quote: ({ body }) => (/^[a-z_]{1,60}$/.test(body.trim()) ? body.trim() : ""),
        advice: "look at the incoming webhook in Slack, and copy its URL again",
      }),
  };
}

const colours: Readonly<Record<EventName, string>> = {
  succeeded: "#2eb67d",
  recovered: "#2eb67d",
  failed: "#e01e5a",
  "rolled-back": "#e01e5a",
  "waiting-for-approval": "#ecb22e",
};

/**
 * One attachment rather than blocks: the others that take Slack's messages know attachments only. Its text is marked
 * up only where the operator wrote it.
 */
export function buildSlackMessage(
  event: DeploymentEvent,
  {
    channel,
    username,
    ...wording
  }: Wording & { channel?: string | undefined; username?: string | undefined },
  deploymentsUrl: string | undefined,
): object {
  const { title, text, facts, url } = composeMessage(event, wording, deploymentsUrl, escapeSlack);
  return {
    ...(channel !== undefined && { channel }),
    ...(username !== undefined && { username }),
    attachments: [
      {
        fallback: shorten(text === "" ? title : `${title}: ${text}`, 3000),
        color: colours[event.event],
        title: shorten(title, 300),
        ...(url !== undefined && { title_link: url }),
        text: shorten(text, 3000),
        fields: facts.map(({ name, value }) => ({
          title: name,
          value: shorten(value, 500),
          short: value.length <= 40,
        })),
        mrkdwn_in: wording.text === undefined ? [] : ["text"],
        footer: isBad(event)
          ? `deployment ${event.deployment.id}, ${event.deployment.state}`
          : `deployment ${event.deployment.id}`,
        ts: Math.floor(event.atMs / 1000),
      },
    ],
  };
}

/** The three characters of Slack's markup for links, mentions and commands such as `<!channel>`. */
export function escapeSlack(value: string): string {
  return value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
