import { z } from "zod";
import type { Fields } from "../../config/fields.ts";
import { tlsSchema } from "../../http/tls.ts";
import { ApiError } from "../api-error.ts";
import { attempt, silentContext, startProgress } from "../api-work.ts";
import type { DeployContext, Outcome, Target, TargetKind, TargetSetting } from "../target.ts";
import { checkWorkload, readRelease } from "./check.ts";
import { connectCluster } from "./client.ts";
import { type ClusterWork, deployRelease, rollBackTo } from "./deploy.ts";
import { type AccessResult, readKubeconfig, readServiceAccount } from "./kubeconfig.ts";
import type { WorkloadKind } from "./workload.ts";

type Options = z.output<ReturnType<typeof schema>>;

/** Patches the image of a Deployment, a StatefulSet or a DaemonSet, and follows its rollout. */
export const kubernetes: TargetKind<Options> = { name: "kubernetes", schema, create };

function schema(fields: Fields) {
  const named = (what: string) =>
    z
      .string()
      .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, "not a name in Kubernetes")
      .optional()
      .describe(`the name of the ${what}`);
  return z
    .strictObject({
      server: serverField.optional(),
      kubeconfig: fields.path("a kubeconfig file, with a token or a client certificate").optional(),
      context: z
        .string()
        .min(1, "is empty")
        .optional()
        .describe("the kubeconfig's context; its current one when left out"),
      token: fields.secret("a bearer token for `server`").optional(),
      tokenFile: fields.path("a file with the token, read again for each request").optional(),
      tls: tlsSchema(fields).optional(),
      namespace: named("namespace"),
      deployment: named("Deployment; the service's when no workload is named"),
      statefulSet: named("StatefulSet"),
      daemonSet: named("DaemonSet"),
      container: named("container whose image it is, whatever that is called"),
      stalled: fields.duration("how long a rollout may come no further until it is taken back", {
        default: "5m",
        minimum: "1s",
        maximum: "6h",
      }),
      timeout: fields.duration("how long one try may take, with going back", {
        default: "15m",
        minimum: "1s",
        maximum: "24h",
      }),
    })
    .refine(
      ({ deployment, statefulSet, daemonSet }) =>
        [deployment, statefulSet, daemonSet].filter((name) => name !== undefined).length <= 1,
      "must have only one of deployment, statefulSet, daemonSet",
    )
    .refine(
      ({ server, kubeconfig }) => server === undefined || kubeconfig === undefined,
      "has a server and a kubeconfig: keep one of them",
    )
    .refine(
      ({ server, token, tokenFile, tls }) =>
        server !== undefined || (token ?? tokenFile ?? tls) === undefined,
      "token, tokenFile and tls go with `server`: a kubeconfig has its own, and so has a pod",
    )
    .refine(
      ({ token, tokenFile }) => token === undefined || tokenFile === undefined,
      "has a token and a tokenFile: keep one of them",
    )
    .refine(
      ({ context, kubeconfig }) => context === undefined || kubeconfig !== undefined,
      "context goes with `kubeconfig`",
    );
}

const serverField = z
  .string()
  .refine((text) => {
    const url = URL.parse(text);
    return url !== null && /^https?:$/.test(url.protocol) && !url.search && !url.hash && !url.username;
  }, "must be an http or https URL, such as https://kubernetes.lan:6443")
  .describe("the API server's address, such as https://kubernetes.lan:6443");

function create(options: Options, setting: TargetSetting): Target {
  const run = async (
    context: DeployContext,
    act: (work: ClusterWork) => Promise<Outcome>,
  ): Promise<Outcome> => {
    const work = start(options, setting, context);
    if ("problem" in work) return { kind: "failed", reason: work.problem, engine: "unchanged" };
    return attempt(work, () => act(work));
  };
  return {
    name: "kubernetes",
    timeoutMs: options.timeout,
    deploy: ({ tag, digest }, context) => run(context, (work) => deployRelease(work, { tag, digest })),
    rollback: (to, _deployment, context) => run(context, (work) => rollBackTo(work, to)),
    current: async ({ signal }) => {
      const work = start(options, setting, silentContext(signal));
      if ("problem" in work) throw new ApiError(work.problem, { isTemporary: false, hasNoEffect: true });
      return readRelease(work);
    },
    check: async ({ signal }) => {
      const work = start(options, setting, silentContext(signal));
      return "problem" in work ? { ok: false, problem: work.problem } : checkWorkload(work);
    },
  };
}

/** Files are read anew each time: a kubeconfig may have got a new certificate. */
function start(
  options: Options,
  { service, image, environment }: TargetSetting,
  context: DeployContext,
): ClusterWork | { problem: string } {
  const found = findAccess(options, environment);
  if ("problem" in found) return found;
  const { kind, name } = workloadOf(options, service);
  return {
    who: `Kubernetes at ${found.access.server}`,
    cluster: connectCluster(found.access, options.namespace),
    kind,
    name,
    wanted: { image, container: options.container },
    stalledMs: options.stalled,
    context,
    progress: startProgress(),
  };
}

function findAccess(options: Options, environment: TargetSetting["environment"]): AccessResult {
  const { server, kubeconfig, context, token, tokenFile, tls = {} } = options;
  if (server !== undefined) return { access: { server, tls, token, tokenFile, namespace: "default" } };
  return kubeconfig === undefined ? readServiceAccount(environment) : readKubeconfig(kubeconfig, context);
}

function workloadOf(
  { deployment, statefulSet, daemonSet }: Options,
  service: string,
): { kind: WorkloadKind; name: string } {
  if (statefulSet !== undefined) return { kind: "statefulSet", name: statefulSet };
  if (daemonSet !== undefined) return { kind: "daemonSet", name: daemonSet };
  return { kind: "deployment", name: deployment ?? service };
}
