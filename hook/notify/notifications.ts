import type { Config } from "../config/load.ts";
import type { Deployment, NewNotification, Transition } from "../store/deployment.ts";
import type { Store } from "../store/store.ts";
import { describeEvent, type EventName } from "./event.ts";
import type { ConfiguredNotifier } from "./index.ts";

type History = Pick<Store, "find" | "previousOutcome">;

/** What is to be sent because of a state change; it is stored in the same commit. */
export function notificationsFor(
  deployment: Deployment,
  transition: Transition,
  { notifiers, services }: Pick<Config, "notifiers" | "services">,
  history: History,
): NewNotification[] {
  const names = eventsOf(deployment, history);
  if (names.length === 0) return [];
  const chosen = chooseNotifiers(notifiers, services.get(deployment.service)?.notify);
  const previousTag = deployment.replaces === null ? null : (history.find(deployment.replaces)?.tag ?? null);
  return chosen.flatMap(({ name, events }) => {
    const event = names.find((candidate) => events.includes(candidate));
    if (event === undefined) return [];
    const described = describeEvent(event, transition.atMs, deployment, previousTag);
    return [{ notifier: name, event, payload: JSON.stringify(described) }];
  });
}

/** The most telling first: a notifier is told one of them. */
function eventsOf({ id, service, state, waitingFor }: Deployment, history: History): EventName[] {
  switch (state) {
    case "failed":
    case "rolled-back":
      return [state];
    case "succeeded":
      return isRecovery(history.previousOutcome(service, id)) ? ["recovered", "succeeded"] : ["succeeded"];
    case "waiting":
      return waitingFor === "approval" ? ["waiting-for-approval"] : [];
    default:
      return [];
  }
}

function isRecovery(previous: ReturnType<History["previousOutcome"]>): boolean {
  return previous === "failed" || previous === "rolled-back";
}

/** A service that does not choose is told about by all of them. */
function chooseNotifiers(
  notifiers: ReadonlyMap<string, ConfiguredNotifier>,
  wanted: readonly string[] | undefined,
): ConfiguredNotifier[] {
  return [...notifiers.values()].filter(({ name }) => wanted === undefined || wanted.includes(name));
}
