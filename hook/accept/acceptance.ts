import type { Service } from "../service.ts";
import type { Accepted, AcceptPolicy } from "../store/acceptance.ts";
import type { NewDeployment } from "../store/changes.ts";
import type { Store } from "../store/store.ts";
import type { Trigger } from "../trigger.ts";
import { isOlder } from "./order.ts";

export interface AuthenticWebhook {
  /** The source's name. */
  source: string;
  /** What the sender calls this delivery; the same when it sends it again. */
  deliveryId?: string | undefined;
  triggers: readonly Trigger[];
  /** Where the sender wants to be told of the outcome, if the config has it told. */
  callbackUrl?: string | undefined;
}

/** Stores what an authentic webhook asks for. When the promise is kept, it is on the disk. */
export function acceptWebhook(
  store: Pick<Store, "accept">,
  service: Service,
  webhook: AuthenticWebhook,
): Promise<Accepted[]> {
  return store.accept(policyOf(service), deploymentsOf(service, webhook));
}

/** What `acceptWebhook` would give, and store. */
export function rehearseWebhook(
  store: Pick<Store, "rehearse">,
  service: Service,
  webhook: AuthenticWebhook,
): Promise<Accepted[]> {
  return store.rehearse(policyOf(service), deploymentsOf(service, webhook));
}

function policyOf({ dedupeMs, needsApproval, order, tags }: Service): AcceptPolicy {
  return { dedupeMs, needsApproval, isOlder: isOlder.bind(undefined, order, tags) };
}

function deploymentsOf(
  service: Service,
  { source, deliveryId, triggers, callbackUrl }: AuthenticWebhook,
): NewDeployment[] {
  return triggers.map(({ tag, digest, pushedAtMs, pusher }) => ({
    service: service.name,
    image: service.image.text,
    tag,
    digest: digest ?? null,
    source,
    target: service.target.name,
    cause: "webhook" as const,
    actor: "webhook",
    pusher: pusher ?? null,
    deliveryId: deliveryId ?? null,
    pushedAtMs: pushedAtMs ?? null,
    restores: null,
    callbackUrl: callbackUrl ?? null,
  }));
}
