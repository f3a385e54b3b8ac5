import { z } from "zod";
import type { Fields } from "../../config/fields.ts";
import { tlsSchema } from "../../http/tls.ts";
import { ApiError } from "../api-error.ts";
import { attempt, silentContext, startProgress } from "../api-work.ts";
import type {
  CheckResult,
  DeployContext,
  Outcome,
  Release,
  Target,
  TargetKind,
  TargetSetting,
} from "../target.ts";
import { describePlacements } from "./allocation.ts";
import { connectNomad } from "./client.ts";
import { findDowntime } from "./downtime.ts";
import { isLostRace } from "./error.ts";
import { findPlaces, type Job } from "./job.ts";
import { describePlaces, placesOf, planJob, sendJob } from "./register.ts";
import { deployRelease, revertTo } from "./revert.ts";
import { jobPath, type NomadWork } from "./work.ts";

type Options = z.output<ReturnType<typeof schema>>;

/**
 * Registers the job anew with the release in it, so that its own `update` block rolls it, and follows that to the end.
 * A template's `change_mode = "restart"` restarts everywhere at once instead.
 */
export const nomad: TargetKind<Options> = { name: "nomad", schema, create };

function schema(fields: Fields) {
  return z
    .strictObject({
      address: addressField.default("http://127.0.0.1:4646"),
      job: z
        .string()
        .min(1, "is empty")
        .optional()
        .describe("the job's ID; the service's name when left out"),
      group: z
        .string()
        .min(1, "is empty")
        .optional()
        .describe("the group that is meant, where several have the image"),
      task: z
        .string()
        .min(1, "is empty")
        .optional()
        .describe("the task whose image it is, whatever that is called"),
      namespace: z
        .string()
        .min(1, "is empty")
        .optional()
        .describe("the job's namespace; default when left out"),
      region: z
        .string()
        .min(1, "is empty")
        .optional()
        .describe("the job's region; the agent's when left out"),
      token: fields.secret("an ACL token with read-job and submit-job in the namespace").optional(),
      promote: z
        .enum(["auto", "wait"])
        .default("wait")
        .describe("who promotes healthy canaries: auto (the hook), or wait (a person)"),
      tls: tlsSchema(fields).optional(),
      timeout: fields.duration("how long a deployment may take; longer than the job's progress_deadline", {
        default: "15m",
        minimum: "1s",
        maximum: "24h",
      }),
    })
    .refine(
      ({ address, tls }) => tls === undefined || address.startsWith("https:"),
      "has tls, but the address is not https",
    );
}

const addressField = z
  .string()
  .refine((text) => {
    if (/^unix:\/\/\/[^\0]+$/.test(text)) return true;
    const url = URL.parse(text);
    return (
      url !== null && /^https?:$/.test(url.protocol) && url.pathname === "/" && !url.search && !url.username
    );
  }, "must be http://host:port, https://host:port or unix:///path/of/api.sock, with nothing after it")
  .describe("the agent's address, such as http://127.0.0.1:4646");

function create(options: Options, { service, image }: TargetSetting): Target {
  const { group, task, promote, job = service, timeout: timeoutMs } = options;
  const start = (context: DeployContext): NomadWork => ({
    who: `Nomad at ${options.address}`,
    nomad: connectNomad(options),
    job,
    wanted: { image, group, task },
    promote,
    context,
    progress: startProgress(),
  });
  const run = (context: DeployContext, act: (work: NomadWork) => Promise<Outcome>) => {
    const work = start(context);
    return attempt(work, () => act(work));
  };
  return {
    name: "nomad",
    timeoutMs,
    deploy: ({ tag, digest }, context) => run(context, (work) => deployRelease(work, { tag, digest })),
    rollback: (to, _deployment, context) => run(context, (work) => revertTo(work, to)),
    current: ({ signal }) => readRelease(start(silentContext(signal))),
    check: ({ signal }) => checkJob(start(silentContext(signal))),
  };
}

async function readRelease(work: NomadWork): Promise<Release | undefined> {
  const job = await work.nomad.call<Job>({ path: jobPath(work), signal: work.context.signal });
  const found = findPlaces(job, work.wanted);
  return "places" in found ? (found.places[0]?.release ?? undefined) : undefined;
}

/** An index that no job ever has: a registration with it is judged like any other, and changes nothing. */
const impossibleIndex = Number.MAX_SAFE_INTEGER;

async function checkJob(work: NomadWork): Promise<CheckResult> {
  const { nomad: server, context } = work;
  try {
    const job = await server.call<Job>({ path: jobPath(work), signal: context.signal });
    const found = placesOf(job, work.wanted);
    if ("problem" in found) return { ok: false, problem: found.problem };
    const planned = await planJob(work, job);
    const full = describePlacements(planned.FailedTGAllocs);
    if (full !== "")
      return {
        ok: false,
        problem: `Nomad at ${server.where} has no place for ${work.job} as it is (${full})`,
      };
    await sendJob(work, job, impossibleIndex).catch((error: unknown) => {
      if (!isLostRace(error)) throw error;
    });
    const warnings = findDowntime(job, found.places).map((reason) => `; warning: ${reason}`);
    const detail = `Nomad at ${server.where} lets ${work.job} (version ${job.Version}) be registered; ${describePlaces(found.places)}`;
    return { ok: true, detail: `${detail}${warnings.join("")}` };
  } catch (error) {
    if (context.signal.aborted)
      return { ok: false, problem: `Nomad at ${server.where} did not answer in time` };
    if (error instanceof ApiError) return { ok: false, problem: error.message };
    throw error;
  }
}
