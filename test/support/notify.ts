/** What the tests of notifiers share: an event to tell of, and receivers on loopback. */
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { createFields } from "../../hook/config/fields.ts";
import type { DeploymentEvent } from "../../hook/notify/event.ts";
import type { NotifierKind, NotifierSetting, SendContext, SendResult } from "../../hook/notify/notifier.ts";

export const failure: DeploymentEvent = {
  event: "failed",
  atMs: Date.UTC(2026, 7, 1, 10, 0, 5),
  previousTag: "v1",
  deployment: {
    id: 12,
    service: "blog",
    image: "stut/blog",
    tag: "v2",
    digest: null,
    source: "docker-hub",
    target: "consul",
    cause: "webhook",
    actor: "webhook",
    pusher: "ci",
    state: "failed",
    reason: "nothing listens at http://127.0.0.1:8500: is Consul running there?",
    attempt: 1,
    acceptedAtMs: Date.UTC(2026, 7, 1, 10, 0, 0),
    startedAtMs: Date.UTC(2026, 7, 1, 10, 0, 0),
    finishedAtMs: Date.UTC(2026, 7, 1, 10, 0, 5),
    rolledBackTo: null,
  },
};

export function eventWith(
  more: Partial<DeploymentEvent["deployment"]>,
  event: Partial<Omit<DeploymentEvent, "deployment">> = {},
): DeploymentEvent {
  return { ...failure, ...event, deployment: { ...failure.deployment, ...more } };
}

export const setting: NotifierSetting = {
  name: "ops",
  deploymentsUrl: "https://hook.example.org/dashboard/#/deployments",
};

export function contextFor(timeoutMs = 60_000): SendContext {
  return { signal: AbortSignal.timeout(timeoutMs), messageId: "msg_0123456789" };
}

/** Options as the config would read them, with all their defaults. */
export function readOptions<Options>(kind: NotifierKind<Options>, given: object): Options {
  return kind.schema(createFields({ environment: {}, directory: "/" })).parse(given);
}

export async function sendWith<Options>(
  kind: NotifierKind<Options>,
  given: object,
  event = failure,
  context = contextFor(),
): Promise<SendResult> {
  return kind.create(readOptions(kind, given), setting).send(event, context);
}

export interface Received {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
  atMs: number;
}

export interface Reply {
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

export interface Receiver {
  origin: string;
  received: Received[];
  /** What to answer from now on; a function is asked for each request. */
  answer(reply: Reply | ((received: Received, index: number) => Reply | "nothing")): void;
  stop(): Promise<void>;
}

/** Answers 200 unless told otherwise. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  let reply: (request: Received, index: number) => Reply | "nothing" = () => ({ status: 200 });
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const one = {
      method: request.method ?? "",
      url: request.url ?? "",
      headers: request.headers,
      body: Buffer.concat(chunks).toString("utf8"),
      atMs: Date.now(),
    };
    const answered = reply(one, received.length);
    received.push(one);
    if (answered !== "nothing") response.writeHead(answered.status, answered.headers).end(answered.body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    answer(given) {
      reply = typeof given === "function" ? given : () => given;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
