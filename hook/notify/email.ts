import { z } from "zod";
import type { Fields } from "../config/fields.ts";
import { halfLogin, isWholeLogin } from "../config/login.ts";
import { explainConnectionError } from "../http/connection-error.ts";
import { type TlsOptions, tlsSchema } from "../http/tls.ts";
import type { CheckContext, CheckResult } from "../target/target.ts";
import type { DeploymentEvent } from "./event.ts";
import { composeMessage, shorten, type Wording, wordingFields } from "./message.ts";
import type { NotifierKind, NotifierSetting, SendContext, SendResult } from "./notifier.ts";

type Options = z.output<ReturnType<typeof schema>>;

/** Hands mails to an SMTP server. */
export const email: NotifierKind<Options> = { name: "email", schema, create };

const securities = ["starttls", "tls", "none"] as const;

type Security = (typeof securities)[number];

/** Where servers take mail from programs: submission, submission over TLS, and from one's own network (RFC 8314). */
const usualPorts: Readonly<Record<Security, number>> = { starttls: 587, tls: 465, none: 25 };

/** `deploy@example.org` or `Deploy hook <deploy@example.org>`. */
const addressField = z
  .string()
  .regex(
    /^(?:[^<>"\r\n,;]{1,100} <[^\s<>@",;]{1,64}@[^\s<>@",;]{1,255}>|[^\s<>@",;]{1,64}@[^\s<>@",;]{1,255})$/,
    "must be an address, such as deploy@example.org or Deploy hook <deploy@example.org>",
  );

function schema(fields: Fields) {
  return z
    .strictObject({
      host: z
        .string()
        .regex(/^[A-Za-z0-9._:-]+$/, "not a host's name")
        .describe("the SMTP server"),
      port: z.int().min(1).max(65535).optional().describe("587, or 465 with tls, or 25 with none"),
      security: z
        .enum(securities)
        .default("starttls")
        .describe("starttls and tls are required of the server; none is for one on the same machine"),
      username: z.string().min(1).optional().describe("for authentication"),
      password: fields.secret("for authentication").optional(),
      from: addressField.describe("the sender's address"),
      to: z
        .array(addressField)
        .min(1, "must have at least one address")
        .max(50)
        .describe("a list of addresses"),
      tls: tlsSchema(fields).optional(),
      ...wordingFields(fields),
    })
    .refine(isWholeLogin, halfLogin)
    .refine(
      ({ security, username }) => security !== "none" || username === undefined,
      "a password is not sent without TLS: set security to starttls or tls",
    );
}

function create(options: Options, { deploymentsUrl }: NotifierSetting) {
  return {
    send: (event: DeploymentEvent, context: SendContext) => sendMail(event, context, options, deploymentsUrl),
    check: (context: CheckContext) => verifyServer(options, context),
  };
}

/** No step of the protocol may take longer; the whole has the sender's own limit. */
const stepTimeoutMs = 15_000;

/** Loaded when the first mail is sent: it takes memory that a hook without mails need not have. */
async function connect({ host, port, security, username, password, tls }: Options) {
  const { createTransport } = await import("nodemailer");
  return createTransport({
    host,
    port: port ?? usualPorts[security],
    secure: security === "tls",
    requireTLS: security === "starttls",
    ignoreTLS: security === "none",
    ...(username !== undefined && { auth: { user: username, pass: password } }),
    tls: { ...tls },
    connectionTimeout: stepTimeoutMs,
    greetingTimeout: stepTimeoutMs,
    dnsTimeout: stepTimeoutMs,
    socketTimeout: stepTimeoutMs,
    // Nothing of a mail comes from a file or an address: texts cannot make it so.
    disableFileAccess: true,
    disableUrlAccess: true,
    logger: false,
  });
}

async function sendMail(
  event: DeploymentEvent,
  { signal, messageId }: SendContext,
  options: Options,
  deploymentsUrl: string | undefined,
): Promise<SendResult> {
  const transport = await connect(options);
  try {
    const { rejected } = await transport.sendMail({
      ...buildMail(event, messageId, options, deploymentsUrl),
      signal,
    });
    if (rejected.length === 0) return { ok: true };
    const problem = `${placeOf(options)} took the mail, but not for ${rejected.join(", ")}`;
    return { ok: false, problem, isTemporary: false };
  } catch (error) {
    return explain(error as MailError, options, signal);
  } finally {
    transport.close();
  }
}

export interface MailOptions extends Wording {
  from: string;
  to: readonly string[];
}

/** Text only. Programs do not answer it (RFC 3834), and a repetition has the same id as the first. */
export function buildMail(
  event: DeploymentEvent,
  messageId: string,
  { from, to, ...wording }: MailOptions,
  deploymentsUrl: string | undefined,
) {
  const { title, text, facts, url } = composeMessage(event, wording, deploymentsUrl);
  const table = facts.map(({ name, value }) => `${name}: ${value}`);
  const parts = [text, table.join("\n"), url ?? ""].filter((part) => part !== "");
  const domain = /@([^\s<>]+)>?$/.exec(from)?.[1] ?? "localhost";
  return {
    from,
    to: [...to],
    subject: shorten(title.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, " "), 200),
    text: `${parts.join("\n\n")}\n`,
    date: new Date(event.atMs),
    messageId: `<${messageId}@${domain}>`,
    headers: { "Auto-Submitted": "auto-generated", "X-Statigo-Service": event.deployment.service },
  };
}

/** What nodemailer's errors carry: the server's answer, or the connection's own error. */
interface MailError extends Error {
  code?: string;
  responseCode?: number;
  response?: string;
  permanent?: boolean;
  originalCode?: string;
}

function placeOf({ host, port, security }: Options): string {
  return `the SMTP server at ${host}:${port ?? usualPorts[security]}`;
}

function explain(error: MailError, options: Options, signal: AbortSignal): SendResult {
  const place = placeOf(options);
  const { code, response, permanent: isPermanent = false } = error;
  if (signal.aborted || code === "ETIMEDOUT")
    return { ok: false, problem: `${place} did not answer in time`, isTemporary: true };
  // A password that was changed is changed here as well soon, so the mail is kept for it.
  if (code === "EAUTH")
    return {
      ok: false,
      problem: `${place} refused the username and password (${said(response)})`,
      isTemporary: true,
    };
  if (response !== undefined && code !== "ETLS")
    return { ok: false, problem: `${place} refused the mail (${said(response)})`, isTemporary: !isPermanent };
  return { ok: false, problem: explainConnection(error, options), isTemporary: true };
}

function explainConnection({ code, originalCode, message }: MailError, options: Options): string {
  if (code === "ETLS" && /STARTTLS/i.test(message))
    return `${placeOf(options)} does not offer STARTTLS: set security to tls, or to none on a network of your own`;
  const cause = Object.assign(new Error(message), { code: originalCode ?? code });
  const tls: TlsOptions | undefined = options.tls;
  return explainConnectionError(cause, "the SMTP server", placeOf(options).replace(/^.* at /, ""), tls);
}

function said(response = ""): string {
  return shorten(response.replace(/\s+/g, " ").trim(), 200);
}

async function verifyServer(options: Options, { signal }: CheckContext): Promise<CheckResult> {
  const transport = await connect(options);
  const isAborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("aborted")), { once: true });
  });
  try {
    await Promise.race([transport.verify(), isAborted]);
    const how = options.username === undefined ? "answers" : `takes the password of ${options.username}`;
    return { ok: true, detail: `${placeOf(options)} ${how}` };
  } catch (error) {
    const result = explain(error as MailError, options, signal);
    return { ok: false, problem: result.ok ? "" : result.problem };
  } finally {
    transport.close();
  }
}
