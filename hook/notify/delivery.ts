import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyBaseLogger } from "fastify";
import type { LiveConfig } from "../live-config.ts";
import type { Metrics, NotificationOutcome } from "../metrics/metrics.ts";
import { pauseAfter } from "../queue/retry.ts";
import type { Notification, NotificationResult } from "../store/deployment.ts";
import type { Store } from "../store/store.ts";
import type { DeploymentEvent } from "./event.ts";
import type { ConfiguredNotifier } from "./index.ts";
import type { SendResult } from "./notifier.ts";

/** Sends what is stored to be sent, beside everything else that the hook does. */
export interface Delivery {
  start(): void;
  /** Something new may be due. */
  wake(): void;
  /** Sends nothing more; what is on its way is broken off, and sent by the next process. */
  stop(): Promise<void>;
}

export interface DeliveryOptions {
  live: LiveConfig;
  store: Pick<Store, "id" | "claimDueNotifications" | "finishNotification">;
  metrics: Pick<Metrics, "countNotification">;
  logger: FastifyBaseLogger;
  timing?: Partial<DeliveryTiming> | undefined;
  /** Those that are there without the config's doing. */
  builtIn?: readonly ConfiguredNotifier[];
}

export interface DeliveryTiming {
  /** Pauses end, and other processes write or die: all that is looked for. */
  lookEveryMs: number;
  sendTimeoutMs: number;
  firstRetryMs: number;
  maximumRetryMs: number;
}

const usualTiming: DeliveryTiming = {
  lookEveryMs: 1000,
  sendTimeoutMs: 20_000,
  firstRetryMs: 5000,
  maximumRetryMs: 15 * 60_000,
};

const stopLimitMs = 2000;

/** A receiver that hangs holds its own notifications: these are enough for the others beside it. */
const maximumInFlight = 32;
/** A receiver that wants to be left alone for longer is asked again nevertheless. */
const longestRetryAfterMs = 60 * 60_000;

export function createDelivery({
  live,
  store,
  metrics,
  logger,
  timing,
  builtIn = [],
}: DeliveryOptions): Delivery {
  const { lookEveryMs, ...limits } = { ...usualTiming, ...timing };
  const inFlight = new Set<Promise<void>>();
  const stopping = new AbortController();
  let isRunning = false;
  let looking: Promise<void> | undefined;
  let lookAgain = false;
  let isStoreAway = false;
  let timer: NodeJS.Timeout | undefined;

  async function look(): Promise<void> {
    const claimed = await store.claimDueNotifications(Date.now(), maximumInFlight - inFlight.size);
    for (const notification of claimed) {
      const work = deliver(notification).then(() => {
        inFlight.delete(work);
        // The next one of the same service may only be sent now.
        wake();
      });
      inFlight.add(work);
    }
  }

  async function lookUntilDone(): Promise<void> {
    do {
      lookAgain = false;
      try {
        if (inFlight.size < maximumInFlight) await look();
        isStoreAway = false;
      } catch (error) {
        if (!isStoreAway)
          logger.error({ err: error }, "the store could not be asked for notifications; trying again");
        isStoreAway = true;
      }
    } while (lookAgain && isRunning);
    looking = undefined;
  }

  function wake(): void {
    lookAgain = true;
    if (isRunning) looking ??= lookUntilDone();
  }

  async function deliver(notification: Notification): Promise<void> {
    const configured =
      live.current.notifiers.get(notification.notifier) ??
      builtIn.find(({ name }) => name === notification.notifier);
    const sent = await attempt(notification, configured);
    const { outcome, result } = judge(notification, sent, configured?.giveUpAfterMs ?? 0, limits, Date.now());
    report(notification, outcome, result);
    try {
      await store.finishNotification(notification.id, result);
    } catch (error) {
      const { id, notifier } = notification;
      logger.error({ err: error, notification: id, notifier }, "how a notification went could not be stored");
    }
  }

  async function attempt(
    notification: Notification,
    configured: ConfiguredNotifier | undefined,
  ): Promise<SendResult> {
    if (configured === undefined)
      return { ok: false, problem: "the notifier is no longer in the config", isTemporary: false };
    const event = JSON.parse(notification.payload) as DeploymentEvent;
    const signal = AbortSignal.any([AbortSignal.timeout(limits.sendTimeoutMs), stopping.signal]);
    const messageId = messageIdOf(store.id, notification.id);
    try {
      return await Promise.race([configured.notifier.send(event, { signal, messageId }), giveUp(signal)]);
    } catch (error) {
      return { ok: false, problem: `the notifier broke: ${(error as Error).message}`, isTemporary: true };
    }
  }

  function report(
    { id, notifier, service, event, deployment, attempt: tries }: Notification,
    outcome: NotificationOutcome,
    result: NotificationResult,
  ): void {
    if (stopping.signal.aborted && result.kind === "retry") return;
    const fields = { notification: id, notifier, service, event, deployment, attempt: tries };
    if (live.current.notifiers.has(notifier)) metrics.countNotification(notifier, outcome);
    if (result.kind === "sent") {
      logger.info(fields, "notification sent");
    } else if (result.kind === "failed") {
      logger.error({ ...fields, problem: result.problem }, "notification given up");
    } else {
      const againAt = new Date(result.dueAtMs).toISOString();
      logger.warn({ ...fields, problem: result.problem, againAt }, "notification not sent; trying again");
    }
  }

  return {
    start() {
      isRunning = true;
      timer = setInterval(wake, lookEveryMs).unref();
      wake();
    },
    wake,
    async stop() {
      isRunning = false;
      clearInterval(timer);
      stopping.abort(new Error("the hook is stopping"));
      // A store that cannot be written must not keep the process.
      await Promise.race([
        Promise.all([looking, ...inFlight]),
        sleep(stopLimitMs, undefined, { ref: false }),
      ]);
    },
  };
}

/** For a notifier that does not honour its signal. */
function giveUp(signal: AbortSignal): Promise<SendResult> {
  return new Promise((resolve) => {
    const end = () => resolve({ ok: false, problem: "no answer in time", isTemporary: true });
    // After the notifier's own, better words for it.
    signal.addEventListener("abort", () => void setTimeout(end, 250));
  });
}

/** The same for each try of one notification, and different from those of other hooks and other stores. */
export function messageIdOf(store: string, id: number): string {
  return `msg_${createHash("sha256").update(`${store} ${id}`).digest("hex").slice(0, 24)}`;
}

type RetryLimits = Pick<DeliveryTiming, "firstRetryMs" | "maximumRetryMs">;

/** What becomes of a notification after a try. */
export function judge(
  { attempt, createdAtMs }: Pick<Notification, "attempt" | "createdAtMs">,
  sent: SendResult,
  giveUpAfterMs: number,
  { firstRetryMs, maximumRetryMs }: RetryLimits,
  nowMs: number,
): { outcome: NotificationOutcome; result: NotificationResult } {
  if (sent.ok) return { outcome: "sent", result: { kind: "sent" } };
  const { problem, isTemporary, retryAfterMs = 0 } = sent;
  const usualMs = pauseAfter(attempt, { firstMs: firstRetryMs, maximumMs: maximumRetryMs });
  const dueAtMs = nowMs + Math.max(usualMs, Math.min(retryAfterMs, longestRetryAfterMs));
  if (isTemporary && dueAtMs - createdAtMs <= giveUpAfterMs)
    return { outcome: "retried", result: { kind: "retry", problem, dueAtMs } };
  return { outcome: "failed", result: { kind: "failed", problem } };
}
