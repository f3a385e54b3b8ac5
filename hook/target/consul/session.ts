import { EventEmitter } from "node:events";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type Consul from "consul";
import type { ConsulOptions } from "./setting.ts";

/** A request of the client's, and the signal that ends it. */
export interface Session {
  client: Consul;
  request: { ctx: EventEmitter };
}

export async function withClient<Result>(
  options: ConsulOptions,
  signal: AbortSignal,
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  const client = await connect(options);
  // The client's way to cancel a request: an emitter, not a signal.
  const cancellation = new EventEmitter();
  const cancel = () => cancellation.emit("cancel");
  signal.addEventListener("abort", cancel, { once: true });
  try {
    signal.throwIfAborted();
    return await work({ client, request: { ctx: cancellation } });
  } finally {
    signal.removeEventListener("abort", cancel);
    client.destroy();
  }
}

/** Loaded when it is first needed: the client takes memory that a hook with other targets need not have. */
async function connect({ address, token, datacenter, tls }: ConsulOptions): Promise<Consul> {
  const { default: Client } = await import("consul");
  const url = new URL(address);
  const secure = url.protocol === "https:";
  const host = url.hostname;
  // The client passes an IPv6 address with its brackets on to the resolver; what the agent says wins over it.
  const agentOptions = { ...tls, host: host.replace(/^\[|\]$/g, "") };
  const settings = {
    host,
    port: Number(url.port) || (secure ? 443 : 80),
    secure,
    agent: secure ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions),
    defaults: { ...(token !== undefined && { token }), ...(datacenter !== undefined && { dc: datacenter }) },
  };
  return new Client(settings);
}
