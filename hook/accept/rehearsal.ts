import { errors } from "../http/errors.ts";
import { findReason } from "../queue/waiting.ts";
import type { Service } from "../service.ts";
import { needsVerifying } from "../source/setting.ts";
import type { ReceivedWebhook } from "../source/source.ts";
import type { Accepted } from "../store/acceptance.ts";
import type { Store } from "../store/store.ts";
import { rehearseWebhook } from "./acceptance.ts";
import { judgeAuthentic, type Verdict } from "./verdict.ts";

export const rehearsalResults = ["deploy", "wait", "duplicate", "superseded", "ignored", "refused"] as const;

/** What would become of a webhook. */
export interface Rehearsal {
  result: (typeof rehearsalResults)[number];
  /** The sender that it is taken for. */
  source: string;
  /** One sentence an image that it brings, or why it brings none. */
  findings: string[];
  /** What a deployment would do, in its order; empty when there would be none. */
  steps: string[];
}

/** Goes all the way that a webhook goes, but for its signature, and leaves nothing behind. */
export async function rehearse(
  service: Service,
  received: ReceivedWebhook,
  store: Pick<Store, "rehearse" | "serviceState">,
  nowMs: number,
): Promise<Rehearsal> {
  const verdict = judgeAuthentic(service, received);
  const { source } = verdict;
  if (verdict.kind !== "wanted") {
    const findings = [verdict.kind === "ignored" ? verdict.reason : explain(verdict)];
    return { result: verdict.kind === "ignored" ? "ignored" : "refused", source, findings, steps: [] };
  }
  const accepted = await rehearseWebhook(store, service, verdict);
  const found = accepted.map((one) => judge(one, service, store, nowMs));
  const results = found.map(({ result }) => result);
  const result = rehearsalResults.find((one) => results.includes(one)) ?? "ignored";
  return {
    result,
    source,
    findings: found.map(({ finding }) => finding),
    steps:
      result === "deploy" || result === "wait"
        ? [...describeSignature(service), ...describeSteps(service)]
        : [],
  };
}

function explain({ code, detail }: Extract<Verdict, { kind: "rejected" }>): string {
  if (code === "unknown_webhook") return [errors[code].message, detail].join(": ");
  return detail ?? code;
}

interface Finding {
  result: Rehearsal["result"];
  finding: string;
}

function judge(
  { deployment, isDuplicate }: Accepted,
  { window }: Service,
  store: Pick<Store, "serviceState">,
  nowMs: number,
): Finding {
  const { tag, state, reason, id } = deployment;
  if (isDuplicate) {
    return { result: "duplicate", finding: `${tag} is what deployment ${id} was about, which is ${state}` };
  }
  if (state === "superseded") return { result: "superseded", finding: `${tag} is ${reason}` };
  const setting = { service: store.serviceState(deployment.service), window, nowMs };
  const { waitingFor, reason: why } = findReason(deployment, setting);
  if (waitingFor === "turn")
    return { result: "deploy", finding: `${tag} would be deployed, as soon as it is its turn` };
  const wait = waitingFor === "approval" ? "somebody's approval" : `the end of: ${why ?? waitingFor}`;
  return { result: "wait", finding: `${tag} would be kept, and wait for ${wait}` };
}

function describeSignature({ webhook }: Service): string[] {
  return needsVerifying(webhook)
    ? ["Its sender has to sign it. That was not looked at here: this one comes from nobody."]
    : [];
}

/** What a deployment of a service does, whoever asks for it. */
export function describeSteps({ registry, target, verify, image }: Service): string[] {
  const parts = target.parts ?? [target];
  return [
    ...(registry?.isAsked === true ? [`The registry is asked for ${image.text} with that tag.`] : []),
    `The target ${parts.map(({ name }) => name).join(", then ")} deploys it.`,
    ...(verify === undefined ? [] : [describeGate(verify)]),
  ];
}

function describeGate({ url, timeout, rollback }: NonNullable<Service["verify"]>): string {
  const { origin } = new URL(url.fill({ tag: "tag", digest: "digest" }));
  const back = rollback ? ", or the release before comes back" : "";
  return `${origin} has to say within ${timeout / 1000} s that it is healthy${back}.`;
}

/** What a tag by itself is tried with: the plainest webhook there is, whatever sender the service is fixed to. */
export function plainDelivery(
  service: Service,
  fields: { tag: string; digest?: string | undefined },
): { service: Service; received: ReceivedWebhook } {
  const body = JSON.stringify({ image: service.image.text, ...fields });
  return {
    service: { ...service, webhook: { ...service.webhook, source: "plain" } },
    received: { headers: { "content-type": "application/json" }, query: {}, raw: Buffer.from(body) },
  };
}
