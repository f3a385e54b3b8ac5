import type {
  Cause,
  Deployment,
  NewAuditEntry,
  NewNotification,
  ServiceState,
  State,
  Transition,
  WaitingFor,
} from "./deployment.ts";
import { enqueue } from "./outbox.ts";
import { active, columns, ended, type Parameters, type Statements } from "./statements.ts";

/** What is known when a deployment is stored. */
export interface NewDeployment {
  service: string;
  image: string;
  tag: string;
  digest: string | null;
  source: string;
  target: string;
  cause: Cause;
  actor: string;
  pusher: string | null;
  deliveryId: string | null;
  pushedAtMs: number | null;
  restores: number | null;
  /** Where the sender wants to be told of the outcome. */
  callbackUrl?: string | null;
}

export interface StateChange {
  reason: string | null;
  /** A token's name, "webhook", or "hook" for what the hook does by itself. */
  actor: string;
  waitingFor?: WaitingFor;
  notBeforeMs?: number;
  rolledBackTo?: string;
  /** What the registry or the target says the tag is. */
  digest?: string;
  /** What a try that is over may have left the engine with. */
  leftEngine?: Deployment["leftEngine"];
}

/** What to send because of a state change; stored in the same commit. */
export type NotificationsFor = (deployment: Deployment, transition: Transition) => readonly NewNotification[];

/** What can be done inside a transaction. Everything that changes a deployment's state is here. */
export interface Changes {
  insert(given: NewDeployment, first: StateChange & { state: "waiting" | "superseded" }): Deployment;
  /** Throws when the deployment has ended already. */
  change(id: number, state: State, change: StateChange): Deployment;
  /**
   * Only the newest waits: what webhooks asked for before is superseded, what people asked for or approved is not, but
   * by a rollback when it waits for another try.
   */
  supersedeOlder(by: Deployment): void;
  /** Writes down what a deployment waits for, when that is something else than before. */
  setWaitingFor(id: number, waitingFor: WaitingFor, reason: string | null): void;
  approve(id: number, actor: string): Deployment;
  /** Tells whichever process is at work on it to stop. */
  requestCancel(id: number, actor: string): void;
  setServiceState(state: ServiceState): void;
  addAudit(entry: NewAuditEntry): void;
}

const insertDeployment = `INSERT INTO deployment
  (service, image, tag, digest, source, target, cause, actor, pusher, delivery_id, pushed_at, restores, state, accepted_at)
  VALUES (:service, :image, :tag, :digest, :source, :target, :cause, :actor, :pusher, :deliveryId, :pushedAtMs,
    :restores, 'accepted', :nowMs) RETURNING id`;

const insertTransition = `INSERT INTO transition (deployment, service, at, state, reason, actor)
  SELECT id, service, :nowMs, :state, :reason, :actor FROM deployment WHERE id = :id AND state NOT IN ${ended}
  RETURNING id, deployment, service, at AS atMs, state, reason, actor`;

const updateState = `UPDATE deployment SET state = :state, reason = :reason, waiting_for = :waitingFor,
    not_before = :notBeforeMs, retries = retries + (:waitingFor IS 'retry'), interrupted_in = NULL,
    rolled_back_to = coalesce(:rolledBackTo, rolled_back_to), digest = coalesce(:digest, digest),
    left_engine = coalesce(:leftEngine, left_engine),
    verifying_at = CASE WHEN :state = 'verifying' THEN :nowMs ELSE verifying_at END,
    finished_at = CASE WHEN :state IN ${ended} THEN :nowMs END,
    ended_order = CASE WHEN :state IN ${ended} THEN :order END,
    holder = CASE WHEN :state IN ${active} THEN holder END
  WHERE id = :id RETURNING ${columns}`;

const selectOtherwiseWaiting = `SELECT id FROM deployment
  WHERE id = :id AND state = 'waiting' AND waiting_for IS NOT :waitingFor`;

const updateWaitingFor = `UPDATE deployment SET waiting_for = :waitingFor, reason = :reason
  WHERE id = :id RETURNING ${columns}`;

/** Who goes back wants away from what was tried and failed: its next try would come after the way back. */
const selectOutdated = `SELECT id FROM deployment WHERE service = :service AND state = 'waiting' AND id < :id
  AND (cause = 'webhook' AND approved_by IS NULL OR :cause = 'rollback' AND not_before IS NOT NULL)`;

export interface ChangeListeners {
  /** Inside the transaction, which may still fail. */
  onTransition(transition: Transition): void;
  notificationsFor: NotificationsFor;
}

export function createChanges(
  statements: Statements,
  { onTransition, notificationsFor }: ChangeListeners,
): Changes {
  const { one, many, run } = statements;

  function record(id: number, state: State, { reason, actor }: StateChange): Transition {
    const made = one<Transition>(insertTransition, { id, state, reason, actor, nowMs: Date.now() });
    if (made === undefined)
      throw new Error(`deployment ${id} cannot become ${state}: it has ended or is gone`);
    onTransition(made);
    return made;
  }

  function change(id: number, state: State, given: StateChange): Deployment {
    const transition = record(id, state, given);
    return announce(transition, updateState, {
      id,
      state,
      reason: given.reason,
      waitingFor: state === "waiting" ? (given.waitingFor ?? "turn") : null,
      notBeforeMs: given.notBeforeMs ?? null,
      rolledBackTo: given.rolledBackTo ?? null,
      digest: given.digest ?? null,
      leftEngine: given.leftEngine ?? null,
      nowMs: transition.atMs,
      order: transition.id,
    });
  }

  function announce(transition: Transition, update: string, parameters: Parameters): Deployment {
    const deployment = one<Deployment>(update, parameters);
    if (deployment === undefined) throw new Error(`deployment ${transition.deployment} is gone`);
    for (const notification of notificationsFor(deployment, transition))
      enqueue(statements, deployment, notification);
    return deployment;
  }

  return {
    insert({ callbackUrl = null, ...given }, { state, ...first }) {
      const { id } = one<{ id: number }>(insertDeployment, { ...given, nowMs: Date.now() }) ?? { id: 0 };
      if (callbackUrl !== null)
        run("INSERT INTO callback (deployment, url) VALUES (:id, :callbackUrl)", { id, callbackUrl });
      record(id, "accepted", { reason: null, actor: given.actor });
      return change(id, state, first);
    },
    change,
    supersedeOlder(by) {
      const reason = `superseded by ${by.tag} of deployment ${by.id}`;
      for (const { id } of many<{ id: number }>(selectOutdated, {
        service: by.service,
        id: by.id,
        cause: by.cause,
      }))
        change(id, "superseded", { reason, actor: by.actor });
    },
    setWaitingFor(id, waitingFor, reason) {
      if (one(selectOtherwiseWaiting, { id, waitingFor }) === undefined) return;
      const transition = record(id, "waiting", { reason, actor: "hook" });
      announce(transition, updateWaitingFor, { id, waitingFor, reason });
    },
    approve(id, actor) {
      run("UPDATE deployment SET approved_by = :actor WHERE id = :id", { id, actor });
      return change(id, "waiting", { reason: `approved by ${actor}`, actor });
    },
    requestCancel: (id, actor) =>
      void run("UPDATE deployment SET cancel_by = :actor WHERE id = :id", { id, actor }),
    setServiceState: (state) =>
      void run(
        `INSERT OR REPLACE INTO service_state
           (service, paused_at, paused_by, paused_reason, frozen_until, frozen_by, frozen_reason)
         VALUES (:service, :pausedAtMs, :pausedBy, :pausedReason, :frozenUntilMs, :frozenBy, :frozenReason)`,
        { ...state },
      ),
    addAudit: (entry) =>
      void run(
        `INSERT INTO audit (at, actor, action, service, deployment, detail)
         VALUES (:atMs, :actor, :action, :service, :deployment, :detail)`,
        { ...entry },
      ),
  };
}
