import { type ErrorCode, HttpError } from "./http/errors.ts";
import type { LiveConfig } from "./live-config.ts";
import type { Service } from "./service.ts";
import type { Changes } from "./store/changes.ts";
import {
  type Cause,
  type Deployment,
  isActive,
  isEnded,
  type NewAuditEntry,
  type ServiceState,
} from "./store/deployment.ts";
import type { Store } from "./store/store.ts";

export interface DeployRequest {
  tag: string;
  digest?: string | undefined;
  /** The caller's own name for this request: with the same one, it is not done again. */
  key?: string | undefined;
}

/**
 * What people may do; who may do what is the API's concern. Each is written down with the actor in the same commit,
 * and throws an `OperationError` when it cannot be done.
 */
export interface Operations {
  deployTag(service: string, request: DeployRequest, actor: string): Promise<Deployment>;
  redeploy(id: number, actor: string): Promise<Deployment>;
  /**
   * To the last good release before the one that serves or is just being deployed, or to a tag that was good once. What
   * is under way is not stopped by it: the way back begins when that has ended.
   */
  rollBack(service: string, tag: string | undefined, actor: string): Promise<Deployment>;
  /** Where `rollBack` without a tag goes. */
  previousRelease(service: string): Deployment | undefined;
  cancel(id: number, actor: string): Promise<Deployment>;
  approve(id: number, actor: string): Promise<Deployment>;
  pause(service: string, reason: string | null, actor: string): Promise<ServiceState>;
  resume(service: string, actor: string): Promise<ServiceState>;
  freeze(service: string, untilMs: number, reason: string | null, actor: string): Promise<ServiceState>;
  unfreeze(service: string, actor: string): Promise<ServiceState>;
}

/** Something that cannot be done, and why: nothing was changed. */
export class OperationError extends HttpError {}

export interface OperationTools {
  live: LiveConfig;
  store: Store;
  /** Called when something may be started, or has to be stopped. */
  onChange(): void;
  /** Called with what was written into the audit log. */
  onAudited(entry: NewAuditEntry): void;
}

export function createOperations({ live, store, onChange, onAudited }: OperationTools): Operations {
  async function change<Result>(work: (changes: Changes) => Result): Promise<Result> {
    const audited: NewAuditEntry[] = [];
    const result = await store.write((changes) => {
      const addAudit = (entry: NewAuditEntry) => {
        changes.addAudit(entry);
        audited.push(entry);
      };
      return work({ ...changes, addAudit });
    });
    audited.forEach(onAudited);
    onChange();
    return result;
  }

  function serviceOf(name: string): Service {
    const service = live.current.services.get(name);
    if (service === undefined) throw refuse("service_not_found");
    return service;
  }

  function deploymentOf(id: number): Deployment {
    const found = store.find(id);
    if (found === undefined) throw refuse("deployment_not_found");
    return found;
  }

  /** What a person asks for is not held by order, approval or window; older webhooks that wait are outdated by it. */
  function ask(
    service: Service,
    cause: Exclude<Cause, "webhook">,
    release: {
      tag: string;
      digest: string | null;
      restores: number | null;
      deliveryId?: string | null;
      /** Said as long as it waits. */
      reason?: string | null;
    },
    actor: string,
  ): Promise<Deployment> {
    return change((changes) => {
      const { tag, digest, restores, deliveryId = null, reason = null } = release;
      const known = deliveryId === null ? undefined : store.findDelivery(service.name, deliveryId);
      if (known !== undefined && known.tag !== tag)
        throw refuse("key_reused", `deployment ${known.id} has the tag ${known.tag}`);
      if (known !== undefined) return known;
      const deployment = changes.insert(
        {
          service: service.name,
          image: service.image.text,
          tag,
          digest,
          source: "api",
          target: service.target.name,
          cause,
          actor,
          pusher: null,
          deliveryId,
          pushedAtMs: null,
          restores,
        },
        { state: "waiting", reason, actor },
      );
      changes.supersedeOlder(deployment);
      audit(changes, actor, cause, deployment, tag);
      return deployment;
    });
  }

  function setState(
    service: string,
    action: string,
    actor: string,
    fields: Partial<ServiceState>,
    detail: string | null,
  ) {
    serviceOf(service);
    return change((changes) => {
      const state = { ...store.serviceState(service), ...fields };
      changes.setServiceState(state);
      changes.addAudit({ atMs: Date.now(), actor, action, service, deployment: null, detail });
      return state;
    });
  }

  return {
    async deployTag(service, { tag, digest, key }, actor) {
      // Two tokens may well think of the same key, and a sender of webhooks of the same delivery id.
      const deliveryId = key === undefined ? null : `api:${actor}:${key}`;
      return ask(
        serviceOf(service),
        "deploy",
        { tag, digest: digest ?? null, restores: null, deliveryId },
        actor,
      );
    },

    async redeploy(id, actor) {
      const { service, tag, digest } = deploymentOf(id);
      return ask(serviceOf(service), "redeploy", { tag, digest, restores: id }, actor);
    },

    async rollBack(name, tag, actor) {
      const service = serviceOf(name);
      const good = tag === undefined ? findPrevious(store, name) : store.lastSucceededTag(name, tag);
      if (good === undefined) throw refuse("nothing_to_roll_back_to", explainNothing(tag));
      const release = { tag: good.tag, digest: good.digest, restores: good.id };
      const reason = explainWait(good, store.underWay(name));
      return ask(service, "rollback", { ...release, reason }, actor);
    },

    previousRelease: (service) => findPrevious(store, service),

    cancel: async (id, actor) =>
      change((changes) => {
        const found = deploymentOf(id);
        if (isEnded(found)) throw refuse("not_cancellable", `it is ${found.state} already`);
        audit(changes, actor, "cancel", found, found.tag);
        if (!isActive(found))
          return changes.change(id, "cancelled", { reason: `cancelled by ${actor} while it waited`, actor });
        changes.requestCancel(id, actor);
        return found;
      }),

    approve: async (id, actor) =>
      change((changes) => {
        const found = deploymentOf(id);
        if (found.waitingFor !== "approval") throw refuse("not_waiting_for_approval", `it is ${found.state}`);
        audit(changes, actor, "approve", found, found.tag);
        return changes.approve(id, actor);
      }),

    pause: async (service, reason, actor) =>
      setState(
        service,
        "pause",
        actor,
        { pausedAtMs: Date.now(), pausedBy: actor, pausedReason: reason },
        reason,
      ),
    resume: async (service, actor) =>
      setState(service, "resume", actor, { pausedAtMs: null, pausedBy: null, pausedReason: null }, null),
    freeze: async (service, untilMs, reason, actor) => {
      const fields = { frozenUntilMs: untilMs, frozenBy: actor, frozenReason: reason };
      const until = `until ${new Date(untilMs).toISOString()}`;
      return setState(service, "freeze", actor, fields, reason === null ? until : `${until}: ${reason}`);
    },
    unfreeze: async (service, actor) =>
      setState(service, "unfreeze", actor, { frozenUntilMs: null, frozenBy: null, frozenReason: null }, null),
  };
}

function refuse(code: ErrorCode, detail?: string): OperationError {
  return new OperationError(code, detail);
}

function audit(
  changes: Changes,
  actor: string,
  action: string,
  { id, service }: Deployment,
  detail: string,
): void {
  changes.addAudit({ atMs: Date.now(), actor, action, service, deployment: id, detail });
}

function explainNothing(tag: string | undefined): string {
  return tag === undefined
    ? "no other release of this service has succeeded before"
    : `${tag} has not succeeded for this service; deploy it instead`;
}

/** Whoever asks to go back while something else is being deployed is told that this is not stopped by it. */
function explainWait({ tag }: Deployment, underWay: Deployment | undefined): string | null {
  if (underWay === undefined || !isActive(underWay)) return null;
  return `${tag} comes back when ${underWay.tag} of deployment ${underWay.id} has come to its end`;
}

/**
 * The good release before the one that serves, or, while another one is under way, before that one: who goes back then
 * wants away from what is just going out, and that may still fail. While the service goes back already, the same way
 * again: pressing twice is not going back twice.
 */
function findPrevious(store: Store, service: string): Deployment | undefined {
  const underWay = store.underWay(service);
  if (underWay?.cause === "rollback" && underWay.restores !== null) return store.find(underWay.restores);
  const serving = store.lastSucceeded(service);
  const unwanted = underWay ?? serving;
  const isOther = (other: Deployment) => other.tag !== unwanted?.tag || other.digest !== unwanted.digest;
  for (const release of followBack(store, serving)) if (isOther(release)) return release;
  return undefined;
}

/**
 * A deployment, the one that it replaced, and so on. Of a rollback, the one that it restored comes before it: going
 * back once more must not lead to what was left then.
 */
function* followBack(store: Store, from: Deployment | undefined): Generator<Deployment> {
  const passed = new Set<number>();
  for (let at = from; at !== undefined && !passed.has(at.id); ) {
    yield at;
    passed.add(at.id);
    const before: number | null = at.cause === "rollback" && at.restores !== null ? at.restores : at.replaces;
    at = before === null ? undefined : store.find(before);
  }
}
