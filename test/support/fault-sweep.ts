/**
 * Every call that a deployment makes of its engine goes wrong, in every way: once, and from then on. Each in a service
 * of its own of one hook, and each with an engine of its own, or with a place of its own in one.
 */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Deployment } from "../../hook/store/deployment.ts";
import { type CallSeen, type Fault, type FaultProxy, faults, startFaultProxy } from "./fault-proxy.ts";
import { configOf, readConfig, startHook, type TestHook } from "./hook.ts";

/** One service's place in an engine. */
export interface Place {
  /** Of the real engine. */
  engine: string;
  /** The target, in the config, when the engine is asked at this address and may take this long. */
  target(address: string, timeout: string): object;
  /** The service's image; `stut/<service>` when left out. */
  image?(address: string): string;
  /** More of the service in the config. */
  more?(timeout: string): string;
  /** Pushes a release under the tag that a webhook has then; the release's own name is the tag when left out. */
  publish?(release: string): Promise<string>;
  /** The release that the engine really has. */
  read(): Promise<string | undefined>;
  /** The same when nothing is under way any more, or else what is left half done. */
  readAtRest?(): Promise<string | undefined>;
  stop?(): Promise<void>;
}

export interface SweepOptions {
  start(service: string): Promise<Place>;
  /** Which of all that can go wrong is tried, where not everything is. */
  choose?(chosen: Chosen): boolean;
  /** Calls that are left out: those of a long watch, of which there may be more or fewer. */
  count?: number;
}

export interface Chosen {
  call: CallSeen;
  /** Of the questions or of the changes: of what is asked over and over, there may be more or fewer. */
  number: number;
  fault: Fault;
  isForGood: boolean;
}

export interface Swept {
  /** `number fault once|for good`. */
  name: string;
  call: string;
  fault: Fault;
  isForGood: boolean;
  ended: Deployment;
  log: string;
  /** What the engine really had when it ended. */
  found: string | undefined;
  /** When nothing went wrong any more: how the next one ended, and what the engine had then. */
  next: Deployment;
  foundNext: string | undefined;
}

/** Those of which the last try may know less than the first. */
const forGood: readonly Fault[] = ["reset", "answer lost", "no answer", "error 500", "truncated"];

interface Case extends Omit<Chosen, "call"> {
  service: string;
  place: Place;
  proxy: FaultProxy;
  /** Whether the call is to change something: then it is counted among those, and else among the questions. */
  isChange: boolean;
}

function isChange({ method }: CallSeen): boolean {
  return method !== "GET";
}

export async function sweepFaults(options: SweepOptions): Promise<Swept[]> {
  const calls = await listCalls(options);
  const chosen: Chosen[] = [];
  for (const [index, call] of calls.entries()) {
    const number = calls.slice(0, index).filter((one) => isChange(one) === isChange(call)).length;
    for (const fault of faults) {
      for (const isForGood of forGood.includes(fault) ? [false, true] : [false]) {
        const one = { call, number, fault, isForGood };
        if (options.choose?.(one) ?? true) chosen.push(one);
      }
    }
  }
  const cases = await Promise.all(
    chosen.map(async ({ call, ...one }, index): Promise<Case> => {
      const service = `s${index}`;
      const place = await options.start(service);
      return { ...one, service, place, proxy: await startFaultProxy(place.engine), isChange: isChange(call) };
    }),
  );
  const hook = await startHook(configFor(cases, patient));
  try {
    await Promise.all(cases.map((one) => deploy(hook, one, "v1").then(requireSuccess)));
    // Only who waits for what never comes is to be short of time: this machine may be slow. After one silence there
    // has to be time for all the rest.
    const short = (one: Case) => (one.isForGood ? "2s" : isSilent(one) ? "8s" : "60s");
    hook.reload(readConfig(configFor(cases, short), hook.folder));
    const broken = await Promise.all(cases.map((one) => runBroken(hook, one)));
    hook.reload(readConfig(configFor(cases, patient), hook.folder));
    const finish = async (one: Broken): Promise<Swept> => {
      const next = await deploy(hook, one, "v3");
      const read = one.place.readAtRest ?? one.place.read;
      return { ...one, next, foundNext: await read() };
    };
    return await Promise.all(broken.map(finish));
  } finally {
    await hook.stop();
    await Promise.all(cases.map(({ proxy }) => proxy.stop()));
    await Promise.all(cases.map(({ place }) => place.stop?.()));
  }
}

const patient = () => "60s";

function isSilent({ fault }: Case): boolean {
  return fault === "no answer" || fault === "answer late";
}

function configFor(cases: readonly Case[], timeoutOf: (one: Case) => string): string {
  const targets = cases.map((one): [string, string] => {
    const { service, place, proxy } = one;
    const timeout = timeoutOf(one);
    const target = JSON.stringify(place.target(proxy.address, timeout));
    return [
      service,
      `${target}\n    retry: { attempts: 3, first: 20ms }\n    ${place.more?.(timeout) ?? ""}`,
    ];
  });
  const images = new Map(cases.map((one) => [one.service, imageOf(one)]));
  return configOf(Object.fromEntries(targets), "deployments: { parallel: 8 }").replace(
    /image: stut\/(\w+)/g,
    (_, service: string) => `image: ${images.get(service)}`,
  );
}

function imageOf({ service, place, proxy }: Case): string {
  return place.image?.(proxy.address) ?? `stut/${service}`;
}

function requireSuccess({ state, reason }: Deployment): void {
  assert.equal(state, "succeeded", reason ?? "");
}

/** Of the second deployment: the first finds nothing. */
async function listCalls(options: SweepOptions): Promise<CallSeen[]> {
  const place = await options.start("counted");
  const proxy = await startFaultProxy(place.engine);
  const always = { number: 0, isChange: false, fault: "reset", isForGood: false } as const;
  const base = { ...always, service: "counted", place, proxy };
  const hook = await startHook(configFor([base], patient));
  try {
    await deploy(hook, base, "v1").then(requireSuccess);
    proxy.calls.length = 0;
    await deploy(hook, base, "v2").then(requireSuccess);
    return proxy.calls.slice(0, options.count);
  } finally {
    await hook.stop();
    await proxy.stop();
    await place.stop?.();
  }
}

type Broken = Case & Omit<Swept, "next" | "foundNext">;

async function runBroken(hook: TestHook, one: Case): Promise<Broken> {
  const { place, proxy, number, fault, isForGood } = one;
  proxy.heal();
  let broken: CallSeen | undefined;
  proxy.fail = (call) => {
    if (broken !== undefined) return isForGood ? fault : undefined;
    const seen = proxy.calls.filter((other) => isChange(other) === isChange(call)).length;
    if (isChange(call) !== one.isChange || seen <= number) return undefined;
    broken = call;
    return fault;
  };
  const ended = await deploy(hook, one, "v2");
  const { method, url } = broken ?? { method: "none", url: "" };
  const found = await place.read();
  proxy.heal();
  const name = `${method} ${url} (number ${number + 1} of its kind) ${fault}, ${isForGood ? "and all that follow" : "once"}`;
  return { ...one, name, call: `${method} ${url}`, ended, log: hook.logOf(ended.id), found };
}

async function deploy(hook: TestHook, one: Case, release: string): Promise<Deployment> {
  const tag = (await one.place.publish?.(release)) ?? release;
  const answer = await hook.push(tag, { service: one.service, image: imageOf(one) });
  assert.equal(answer.status, 202, one.service);
  const { deployments } = (await answer.json()) as { deployments: { id: number }[] };
  const ended = await hook.untilEnded(deployments[0]?.id ?? 0, 90_000);
  // What an engine makes of a call that was not answered may come a moment later.
  await sleep(20);
  return ended;
}

/**
 * What has to be so after every sweep: no lie; and what went wrong once has not kept the release from arriving, unless
 * `mayFail` knows why.
 */
export function judgeSweep(swept: readonly Swept[], mayFail: (one: Swept) => boolean = () => false): void {
  assert.ok(swept.length > 0);
  const show = (one: Swept, what: string) => `${one.name}: ${what}`;
  if (process.env["SHOW_FAULTS"] !== undefined)
    for (const one of swept)
      console.log(show(one, `${one.ended.state}, has ${one.found}: ${one.ended.reason}`));
  const failed = swept.filter(({ isForGood, ended }) => !isForGood && ended.state !== "succeeded");
  assert.deepEqual(
    [
      ...swept.flatMap((one) => findLies(one).map((lie) => show(one, lie))),
      ...failed
        .filter((one) => !mayFail(one))
        .map((one) => show(one, `${one.ended.state}: ${one.ended.reason}`)),
    ],
    [],
  );
}

/** A target that follows its engine to the end may run out of the test's short time while it does so, and goes back. */
export function ranOutOfTime({ fault, ended }: Swept): boolean {
  return (fault === "no answer" || fault === "answer late") && /time limit/.test(ended.reason ?? "");
}

/** What is said of the engine is so; nobody is told of a success that is none; and nothing is left that is in the way. */
function findLies({ ended, found, next, foundNext, log }: Swept): string[] {
  const { state, reason, tag } = ended;
  const said = `${reason}\n${log}`;
  // One tag may stand for every release.
  const before = tag === "v2" ? "v1" : tag;
  const lies = [
    state === "succeeded" && found !== "v2" && `succeeded, but the engine has ${found}`,
    state === "rolled-back" && found !== "v1" && `rolled back, but the engine has ${found}`,
    (reason ?? "").includes(`${before} goes on serving`) &&
      found !== "v1" &&
      `v1 is said to serve, the engine has ${found}`,
    (reason ?? "").includes(`the engine has ${tag}`) &&
      found !== "v2" &&
      `v2 is said to be there, the engine has ${found}`,
    / broke: /.test(said) && "a fault of the engine's is taken for one of the hook's",
    found !== "v1" && found !== "v2" && `the engine is left with ${found}`,
    (next.state !== "succeeded" || foundNext !== "v3") &&
      `the next deployment ${next.state} (${next.reason}), the engine has ${foundNext}`,
  ];
  return lies.filter((lie) => lie !== false);
}
