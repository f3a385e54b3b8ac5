import { EventEmitter } from "node:events";
import type { DatabaseSync } from "node:sqlite";
import {
  type Accepted,
  type AcceptPolicy,
  acceptAll,
  selectBegun,
  selectLastSucceeded,
} from "./acceptance.ts";
import {
  type Changes,
  createChanges,
  type NewDeployment,
  type NotificationsFor,
  type StateChange,
} from "./changes.ts";
import { type ClaimRules, claimNext, findNext, type Held, handOver, listHeld } from "./claims.ts";
import { openDatabase } from "./database.ts";
import {
  type ActiveState,
  type AuditEntry,
  type Deployment,
  emptyState,
  isActive,
  type LogCut,
  type LogLine,
  type NewAuditEntry,
  type NewLogLine,
  type Notification,
  type NotificationResult,
  type ServiceState,
  type State,
  type Transition,
} from "./deployment.ts";
import * as outbox from "./outbox.ts";
import { lockProcess, type ProcessLock } from "./process-lock.ts";
import { prune } from "./prune.ts";
import type { Migration } from "./schema.ts";
import type { Session } from "./sessions.ts";
import * as sessions from "./sessions.ts";
import { columns, createStatements, type Statements } from "./statements.ts";
import { readStatistics, type Statistics } from "./statistics.ts";
import { createWriter, insist, isUnavailable } from "./writer.ts";

export interface Page {
  /** Only of these services. */
  services?: readonly string[] | undefined;
  state?: State | undefined;
  /** Only entries with a smaller id: the last one of the page before. */
  before?: number | undefined;
  limit: number;
}

/**
 * The hook's memory: one SQLite file, which several processes may have open. Reads are immediate; a write's promise
 * is kept when the change is on the disk. Writes are rejected when that fails, except where it is said otherwise.
 */
export interface Store extends Statistics {
  /** This store's own name: it marks what is started for it. */
  id: string;
  /** What opening it has done to bring it to this program's schema. */
  migration: Migration | undefined;

  /** Stores what a webhook asks for: duplicates are found, what is outdated by it or outdated itself is superseded. */
  accept(policy: AcceptPolicy, triggers: readonly NewDeployment[]): Promise<Accepted[]>;
  /** What `accept` would give: everything is done, and undone. */
  rehearse(policy: AcceptPolicy, triggers: readonly NewDeployment[]): Promise<Accepted[]>;
  /** Does several changes at once, or none when the work throws. */
  write<Result>(work: (changes: Changes) => Result): Promise<Result>;

  /** Marks the oldest deployment that may start as this process's; at most one per service is under way. */
  claimNext(rules: ClaimRules): Promise<Deployment | undefined>;
  /** Whether `claimNext` would find something; asks nothing of the disk. */
  hasNext(rules: ClaimRules): boolean;
  /** Keeps trying until the store can be written again: the one who calls has nothing better to do. */
  transition(id: number, state: State, change: StateChange): Promise<Deployment>;
  /** Keeps a few words of a target about what it has started. */
  remember(id: number, note: string | null): Promise<void>;
  /**
   * Puts a deployment back in the queue, at its old place, to go on in that state. Of another holder's only when it is
   * still that one's; returns undefined when not.
   */
  handOver(
    id: number,
    interruptedIn: ActiveState,
    reason: string,
    holder?: string | null,
  ): Promise<Deployment | undefined>;
  /** What this process, other processes, and processes that are gone are at work on. */
  listHeld(): Held[];
  isHolderAlive(holder: string | null): boolean;
  /** This process's name as a holder. */
  holder: string;

  find(id: number): Deployment | undefined;
  list(page: Page): Deployment[];
  listWaiting(): Deployment[];
  countByState(): { service: string; state: State; count: number }[];
  /** The last that succeeded; `before`: the last that had when that deployment started. */
  lastSucceeded(service: string, before?: number): Deployment | undefined;
  /** The last that succeeded with that tag. */
  lastSucceededTag(service: string, tag: string): Deployment | undefined;
  /** What a delivery of that name has made of a service. */
  findDelivery(service: string, deliveryId: string): Deployment | undefined;
  /** The newest that was started, however it ended. */
  lastBegun(service: string): Deployment | undefined;
  /** The one that was begun and has not ended: a process is at work on it, or it waits to go on. */
  underWay(service: string): Deployment | undefined;
  /** The oldest that waits. */
  nextWaiting(service: string): Deployment | undefined;

  /** `cut`: what is taken out behind them, which may be some of them. */
  appendLog(id: number, lines: readonly NewLogLine[], cut?: LogCut): Promise<void>;
  /** The sequence of a log's last line, 0 when it has none. */
  lastLogSequence(id: number): number;
  /** Lines after a sequence number; where some were cut out, the sequences have a gap. */
  readLog(id: number, after?: number, limit?: number): LogLine[];

  listTransitions(deployment: number): Transition[];
  /** Of all deployments, oldest first. */
  transitionsAfter(id: number, limit: number): Transition[];
  /** The id of the newest transition, 0 when there is none. */
  lastTransitionId(): number;
  /** Called after the commit with each transition that this process made. Returns how to stop that. */
  onTransition(listener: (transition: Transition) => void): () => void;

  serviceState(service: string): ServiceState;
  listServiceStates(): ServiceState[];
  setServiceState(state: ServiceState): Promise<void>;

  addAudit(entry: NewAuditEntry): Promise<void>;
  /** Newest first. */
  listAudit(page: Omit<Page, "state">): AuditEntry[];

  /** Notifications that are due; they are this process's until they are finished or it ends. */
  claimDueNotifications(nowMs: number, limit: number): Promise<Notification[]>;
  /** Keeps trying until the store can be written again. */
  finishNotification(id: number, result: NotificationResult): Promise<void>;
  listNotifications(deployment: number): Notification[];
  /** Where the sender of the webhook wants to be told of the outcome. */
  callbackUrlOf(deployment: number): string | undefined;

  /** Kept on the disk, so that a restart of the hook signs nobody out. */
  addSession(idHash: string, session: Session): Promise<void>;
  /** One that is not over. */
  findSession(idHash: string): Session | undefined;
  removeSession(idHash: string): Promise<void>;

  /** Removes some of what is older than a time; returns how many deployments, 0 when there is no more. */
  prune(beforeMs: number): Promise<number>;

  /** May be called again. What was asked for is written first. */
  close(): void;
}

export interface StoreOptions {
  /** What to send because of a state change. It may read the store: it sees the change. */
  notificationsFor?: NotificationsFor;
  /** Called when something could not be written because of the store itself, at each try. */
  onError?(): void;
  /** How long another program may keep the store to itself before opening it is given up. */
  openTimeoutMs?: number;
}

export function openStore(path: string, options: StoreOptions = {}): Store {
  const { database, migration } = openDatabase(path, options.openTimeoutMs);
  return { ...createStore(database, lockProcess(path), options), migration };
}

function createStore(
  database: DatabaseSync,
  lock: ProcessLock,
  options: StoreOptions,
): Omit<Store, "migration"> {
  const statements = createStatements(database);
  const { one, many, run } = statements;
  const writer = createWriter(database);
  const emitter = new EventEmitter<{ transition: [Transition] }>().setMaxListeners(0);
  let made: Transition[] = [];
  const changes = createChanges(statements, {
    onTransition: (transition) => void made.push(transition),
    notificationsFor: options.notificationsFor ?? (() => []),
  });

  async function write<Result>(work: (changes: Changes) => Result): Promise<Result> {
    const attempt = writer.write(() => {
      made = [];
      return { result: work(changes), transitions: made };
    });
    const done = await attempt.catch((error: unknown) => {
      if (isUnavailable(error)) options.onError?.();
      throw error;
    });
    for (const transition of done.transitions) emitter.emit("transition", transition);
    return done.result;
  }

  return {
    id: one<{ store: string }>("SELECT store FROM identity")?.store ?? "",
    holder: lock.holder,
    accept: (policy, triggers) => write(() => acceptAll(statements, changes, policy, triggers)),
    rehearse: (policy, triggers) => rehearse(write, () => acceptAll(statements, changes, policy, triggers)),
    write,
    claimNext: (rules) => write(() => claimNext(statements, changes, lock.holder, rules)),
    hasNext: (rules) => findNext(statements, rules) !== undefined,
    transition: (id, state, change) =>
      insist(
        () => write(() => changes.change(id, state, change)),
        () => database.isOpen,
      ),
    remember: (id, note) =>
      write(() => void run("UPDATE deployment SET note = :note WHERE id = :id", { id, note })),
    handOver: (id, state, reason, holder = lock.holder) =>
      write(() => handOver(statements, changes, { id, interruptedIn: state, holder }, reason)),
    listHeld: () => listHeld(statements),
    isHolderAlive: (holder) => holder !== null && lock.isAlive(holder),
    ...readDeployments(statements),
    appendLog: (id, lines, cut) => write(() => appendLines(statements, id, lines, cut)),
    lastLogSequence: (id) => one<{ last: number }>(selectLastSequence, { id })?.last ?? 0,
    readLog: (id, after = 0, limit = -1) => many(selectLines, { id, after, limit }),
    ...readTransitions(statements),
    ...readStatistics(statements),
    onTransition(listener) {
      emitter.on("transition", listener);
      return () => void emitter.off("transition", listener);
    },
    serviceState: (service) =>
      one<ServiceState>(`${selectServiceStates} WHERE service = :service`, { service }) ??
      emptyState(service),
    listServiceStates: () => many(`${selectServiceStates} ORDER BY service`),
    setServiceState: (state) => write((all) => all.setServiceState(state)),
    addAudit: (entry) => write((all) => all.addAudit(entry)),
    listAudit: (page) => selectPage(statements, auditColumns, "audit", page),
    async claimDueNotifications(nowMs, limit) {
      const gone = outbox.listHolders(statements).filter((holder) => !lock.isAlive(holder));
      if (gone.length === 0 && !outbox.hasDue(statements, nowMs)) return [];
      return write(() => {
        for (const holder of gone) outbox.release(statements, holder);
        return outbox.claimDue(statements, lock.holder, nowMs, limit);
      });
    },
    finishNotification: (id, result) =>
      insist(
        () => write(() => outbox.finish(statements, id, result)),
        () => database.isOpen,
      ),
    listNotifications: (deployment) => outbox.listOf(statements, deployment),
    callbackUrlOf: (id) =>
      one<{ url: string }>("SELECT url FROM callback WHERE deployment = :id", { id })?.url,
    addSession: (idHash, session) =>
      write(() => sessions.addSession(statements, idHash, session, Date.now())),
    findSession: (idHash) => sessions.findSession(statements, idHash, Date.now()),
    removeSession: (idHash) => write(() => sessions.removeSession(statements, idHash)),
    prune: (beforeMs) => write(() => prune(statements, beforeMs, Date.now())),
    close() {
      if (!database.isOpen) return;
      writer.flush();
      database.close();
      lock.release();
    },
  };
}

/** Carries the result of a rehearsal out of the transaction that it undoes. */
class Rehearsed extends Error {
  readonly result: unknown;

  constructor(result: unknown) {
    super("only rehearsed");
    this.result = result;
  }
}

async function rehearse<Result>(
  write: (work: () => never) => Promise<never>,
  work: () => Result,
): Promise<Result> {
  try {
    return await write(() => {
      throw new Rehearsed(work());
    });
  } catch (error) {
    if (error instanceof Rehearsed) return error.result as Result;
    throw error;
  }
}

function readDeployments(statements: Statements) {
  const { one, many } = statements;
  const find = (id: number) => one<Deployment>(`SELECT ${columns} FROM deployment WHERE id = :id`, { id });
  return {
    find,
    list: (page: Page) => selectPage<Deployment>(statements, columns, "deployment", page),
    listWaiting: () =>
      many<Deployment>(`SELECT ${columns} FROM deployment WHERE state = 'waiting' ORDER BY id`),
    countByState: () =>
      many<{ service: string; state: State; count: number }>(
        `SELECT service, state, count(*) AS count FROM deployment
         WHERE state IN ('waiting', 'deploying', 'verifying', 'rolling-back') GROUP BY service, state`,
      ),
    lastSucceeded(service: string, before?: number) {
      if (before === undefined) return one<Deployment>(selectLastSucceeded, { service });
      const { replaces } = find(before) ?? { replaces: null };
      return replaces === null ? undefined : find(replaces);
    },
    lastSucceededTag: (service: string, tag: string) =>
      one<Deployment>(
        `SELECT ${columns} FROM deployment WHERE service = :service AND tag = :tag AND state = 'succeeded'
         ORDER BY ended_order DESC LIMIT 1`,
        { service, tag },
      ),
    findDelivery: (service: string, deliveryId: string) =>
      one<Deployment>(
        `SELECT ${columns} FROM deployment WHERE service = :service AND delivery_id = :deliveryId LIMIT 1`,
        { service, deliveryId },
      ),
    lastBegun: (service: string) =>
      one<Deployment>(
        `SELECT ${columns} FROM deployment WHERE service = :service AND started_at IS NOT NULL
         ORDER BY id DESC LIMIT 1`,
        { service },
      ),
    underWay(service: string) {
      const begun = many<Deployment>(selectBegun, { service });
      return begun.find(isActive) ?? begun[0];
    },
    nextWaiting: (service: string) =>
      one<Deployment>(
        `SELECT ${columns} FROM deployment WHERE service = :service AND state = 'waiting' ORDER BY id LIMIT 1`,
        { service },
      ),
  };
}

function readTransitions({ one, many }: Statements) {
  const selected = "SELECT id, deployment, service, at AS atMs, state, reason, actor FROM transition";
  return {
    listTransitions: (deployment: number) =>
      many<Transition>(`${selected} WHERE deployment = :deployment ORDER BY id`, { deployment }),
    transitionsAfter: (id: number, limit: number) =>
      many<Transition>(`${selected} WHERE id > :id ORDER BY id LIMIT :limit`, { id, limit }),
    lastTransitionId: () => one<{ id: number }>("SELECT coalesce(max(id), 0) AS id FROM transition")?.id ?? 0,
  };
}

const insertLine = `INSERT INTO log_line (deployment, sequence, at, line) VALUES
  (:id, (SELECT coalesce(max(sequence), 0) + 1 FROM log_line WHERE deployment = :id), :atMs, :line)`;

const selectLines = `SELECT sequence, at AS atMs, line FROM log_line
  WHERE deployment = :id AND sequence > :after ORDER BY sequence LIMIT :limit`;

const selectLastSequence = "SELECT max(sequence) AS last FROM log_line WHERE deployment = :id";

const insertNotice = `INSERT OR REPLACE INTO log_line (deployment, sequence, at, line)
  VALUES (:id, :at, :atMs, :line)`;

const deleteCut = `DELETE FROM log_line WHERE deployment = :id AND sequence > :at
  AND sequence <= (SELECT max(sequence) FROM log_line WHERE deployment = :id) - :keep`;

/** The notice first: where nothing is at its place yet, the lines come behind it. */
function appendLines({ run }: Statements, id: number, lines: readonly NewLogLine[], cut?: LogCut): void {
  if (cut !== undefined) run(insertNotice, { id, at: cut.at, ...cut.notice });
  for (const { atMs, line } of lines) run(insertLine, { id, atMs, line });
  if (cut !== undefined) run(deleteCut, { id, at: cut.at, keep: cut.keep });
}

const selectServiceStates = `SELECT service, paused_at AS pausedAtMs, paused_by AS pausedBy,
  paused_reason AS pausedReason, frozen_until AS frozenUntilMs, frozen_by AS frozenBy,
  frozen_reason AS frozenReason FROM service_state`;

const auditColumns = "id, at AS atMs, actor, action, service, deployment, detail";

/** Backwards by id. The plus keeps SQLite from collecting and sorting all that several services have. */
function selectPage<Row>(
  { many }: Statements,
  selected: string,
  table: "deployment" | "audit",
  { services, state, before = Number.MAX_SAFE_INTEGER, limit }: Page,
): Row[] {
  const [service, ...more] = services ?? [];
  const isOne = service !== undefined && more.length === 0;
  const conditions = [
    "id < :before",
    ...(state === undefined ? [] : ["state = :state"]),
    ...(services === undefined
      ? []
      : [isOne ? "service = :services" : "+service IN (SELECT value FROM json_each(:services))"]),
  ];
  return many(
    `SELECT ${selected} FROM ${table} WHERE ${conditions.join(" AND ")} ORDER BY id DESC LIMIT :limit`,
    {
      before,
      limit,
      ...(state !== undefined && { state }),
      ...(services !== undefined && { services: isOne ? service : JSON.stringify(services) }),
    },
  );
}
