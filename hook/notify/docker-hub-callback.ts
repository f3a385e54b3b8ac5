import { type OutgoingRequest, sendRequest } from "../http/http-request.ts";
import { lookupPublic } from "../http/public-address.ts";
import type { Service } from "../service.ts";
import { readCallbackUrl } from "../source/docker-hub.ts";
import type { Deployment, NewNotification, State, Transition } from "../store/deployment.ts";
import type { Store } from "../store/store.ts";
import type { DeploymentEvent } from "./event.ts";
import { describeEvent } from "./event.ts";
import type { ConfiguredNotifier } from "./index.ts";
import type { SendContext, SendResult } from "./notifier.ts";

/** No notifier of the config can have this name. */
export const dockerHubCallbackName = "docker-hub callback";

const sendTimeoutMs = 5000;

interface CallbackEvent extends DeploymentEvent {
  callbackUrl: string;
}

/** How a deployment's end is called in the protocol of Docker Hub's "webhook chains". */
const callbackStates: Readonly<Partial<Record<State, "success" | "failure" | "error">>> = {
  succeeded: "success",
  failed: "failure",
  "rolled-back": "failure",
  superseded: "error",
  cancelled: "error",
};

/** The answer to a `callback_url`, stored in the commit that ends the deployment; most have none. */
export function callbacksFor(
  deployment: Deployment,
  { atMs }: Transition,
  services: ReadonlyMap<string, Service>,
  store: Pick<Store, "callbackUrlOf">,
): NewNotification[] {
  const { id, service, state } = deployment;
  if (callbackStates[state] === undefined || services.get(service)?.webhook.callback !== true) return [];
  const callbackUrl = store.callbackUrlOf(id);
  if (callbackUrl === undefined) return [];
  const event = state === "succeeded" || state === "rolled-back" ? state : "failed";
  const payload: CallbackEvent = { ...describeEvent(event, atMs, deployment, null), callbackUrl };
  return [{ notifier: dockerHubCallbackName, event: state, payload: JSON.stringify(payload) }];
}

/** For tests, which have no Docker Hub: how it is reached. */
export type CallbackConnection = Pick<OutgoingRequest, "connection" | "tls">;

export function createDockerHubCallback(reached: CallbackConnection = {}): ConfiguredNotifier {
  return {
    name: dockerHubCallbackName,
    events: [],
    // Later ones of a service wait for the earlier ones, and nobody looks at old ones.
    giveUpAfterMs: 10 * 60_000,
    notifier: {
      kind: "docker-hub-callback",
      send: (event, context) => sendCallback(event as CallbackEvent, context, reached),
    },
  };
}

async function sendCallback(
  { callbackUrl, deployment }: CallbackEvent,
  { signal }: SendContext,
  reached: CallbackConnection,
): Promise<SendResult> {
  // Again: the row may be of an older hook, with another idea of what may be asked.
  const url = readCallbackUrl(callbackUrl);
  if (url === undefined)
    return { ok: false, problem: "its callback_url is not Docker Hub's", isTemporary: false };
  const limit = AbortSignal.any([signal, AbortSignal.timeout(sendTimeoutMs)]);
  try {
    const headers = { "content-type": "application/json", "user-agent": "statigo-hook" };
    const connection = { lookup: lookupPublic(), ...reached.connection };
    const request = { method: "POST", url, headers, body: composeCallback(deployment), signal: limit };
    const { status } = await sendRequest({ ...request, tls: reached.tls, connection });
    return judge(status, url);
  } catch (error) {
    const why = limit.aborted
      ? "did not answer in time"
      : `could not be reached: ${(error as Error).message}`;
    return { ok: false, problem: `Docker Hub at ${url.host} ${why}`, isTemporary: true };
  }
}

function judge(status: number, { host }: URL): SendResult {
  if (status >= 200 && status < 300) return { ok: true };
  const isTemporary = status >= 500 || status === 429 || status === 408;
  return { ok: false, problem: `Docker Hub at ${host} answered ${status} to its callback`, isTemporary };
}

/** `description` has at most 255 characters, `context` 100. What engines said is nobody's business there. */
function composeCallback({ service, tag, state }: DeploymentEvent["deployment"]): string {
  const ending = state === "rolled-back" ? "was rolled back" : state === "succeeded" ? "is deployed" : state;
  const description = `${service}: ${tag} ${ending}`;
  return JSON.stringify({ state: callbackStates[state] ?? "error", description, context: "statigo" });
}
