import { batch, computed, signal } from "@preact/signals";
import type { Deployment, Hold, Recent, Running, Service, Transition } from "./answers.ts";
import { get } from "./api.ts";
import { session } from "./session.ts";
import { findSession } from "./sign-in-calls.ts";
import { follow, isFollowing } from "./stream.ts";
import { tookMs } from "./wording.ts";

/** All that the overview shows of a service. */
export interface Site {
  service: Service;
  recent: readonly Recent[];
  running: Running | undefined;
}

/** Marks of each service's last deployments. */
export const marksShown = 15;

const services = signal<ReadonlyMap<string, Service>>(new Map());
const recents = signal<ReadonlyMap<string, readonly Recent[]>>(new Map());
const runnings = signal<ReadonlyMap<string, Running>>(new Map());
export const isLoaded = signal(false);
/** Why nothing could be loaded, or what there is is old. */
export const problem = signal<string | undefined>(undefined);
/** Counts what happened to a service: pages that show more of it than this look again. */
export const changes = signal<ReadonlyMap<string, number>>(new Map());
export const nowMs = signal(Date.now());

export const sites = computed<readonly Site[]>(() =>
  [...services.value.values()].map((service) => ({
    service,
    recent: recents.value.get(service.name) ?? [],
    running: runnings.value.get(service.name),
  })),
);

export function siteOf(name: string): Site | undefined {
  const service = services.value.get(name);
  if (service === undefined) return undefined;
  return { service, recent: recents.value.get(name) ?? [], running: runnings.value.get(name) };
}

async function loadAll(): Promise<void> {
  try {
    const [listed, recent] = await Promise.all([
      get<{ services: Service[] }>("services"),
      get<{ services: { service: string; deployments: Recent[] }[] }>(`recent?each=${marksShown}`),
    ]);
    batch(() => {
      services.value = new Map(listed.services.map((service) => [service.name, service]));
      recents.value = new Map(recent.services.map(({ service, deployments }) => [service, deployments]));
      isLoaded.value = true;
      problem.value = undefined;
    });
  } catch (error) {
    problem.value = (error as Error).message;
  }
}

/** The config is another one: services, what they take, and what whoever is signed in may do. */
async function reloadEverything(): Promise<void> {
  await findSession().catch(() => {});
  if (session.value?.signedIn !== true) return;
  await loadAll();
  const counts = new Map(changes.value);
  for (const name of services.value.keys()) counts.set(name, (counts.get(name) ?? 0) + 1);
  changes.value = counts;
  inspectSoon(0);
}

/** A service after something happened to it. */
export async function reload(name: string): Promise<void> {
  const path = encodeURIComponent(name);
  const [service, page] = await Promise.all([
    get<Service>(`services/${path}`),
    get<{ deployments: Deployment[] }>(`deployments?service=${path}&limit=${marksShown}`),
  ]);
  batch(() => {
    services.value = new Map(services.value).set(name, service);
    recents.value = new Map(recents.value).set(name, page.deployments.map(shorten));
    changes.value = new Map(changes.value).set(name, (changes.value.get(name) ?? 0) + 1);
  });
}

function shorten(deployment: Deployment): Recent {
  const { id, tag, state, acceptedAt } = deployment;
  return { id, tag, state, acceptedAt, durationMs: tookMs(deployment) ?? null };
}

/** A deployment makes several steps at once: the service is looked up once for them. */
const settleMs = 60;
const due = new Map<string, number>();

function reloadSoon(name: string): void {
  if (due.has(name)) return;
  const timer = window.setTimeout(() => {
    due.delete(name);
    // The stream tells of it again, or the next look does.
    reload(name).catch(() => {});
    inspectSoon(settleMs);
  }, settleMs);
  due.set(name, timer);
}

const inspectEveryMs = 15_000;
const inspectPendingMs = 700;
let inspectTimer = 0;

function inspectSoon(pauseMs: number): void {
  clearTimeout(inspectTimer);
  inspectTimer = window.setTimeout(inspect, pauseMs);
}

async function inspect(): Promise<void> {
  if (session.value?.signedIn !== true) return;
  let pauseMs = inspectEveryMs;
  if (!document.hidden) {
    try {
      const answer = await get<{ services: Running[]; isPending: boolean }>("running");
      runnings.value = new Map(answer.services.map((running) => [running.service, running]));
      if (answer.isPending) pauseMs = inspectPendingMs;
    } catch {
      // What is shown says when it was checked.
    }
  }
  inspectSoon(pauseMs);
}

const tickMs = 10_000;
const retryMs = 3000;

/** Loads everything and keeps it up to date; returns how to stop that. */
export function startFollowing(): () => void {
  const stop = follow({
    path: "events",
    events: {
      transition: (data) => reloadSoon((data as Transition).service),
      hold: (data) => reloadSoon((data as Hold).service),
      config: () => void reloadEverything(),
    },
  });
  void loadAll();
  void inspect();
  const retry = setInterval(() => problem.value !== undefined && void loadAll(), retryMs);
  const tick = setInterval(() => {
    nowMs.value = Date.now();
  }, tickMs);
  // What was said about a service (a pause, a freeze) while nobody listened is not told again.
  const unsubscribe = isFollowing.subscribe((isThere) => isThere && isLoaded.peek() && void loadAll());
  const onVisible = () => !document.hidden && void loadAll();
  document.addEventListener("visibilitychange", onVisible);
  return () => {
    stop();
    unsubscribe();
    clearInterval(retry);
    clearInterval(tick);
    clearTimeout(inspectTimer);
    document.removeEventListener("visibilitychange", onVisible);
  };
}
