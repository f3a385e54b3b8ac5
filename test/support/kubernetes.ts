/**
 * A loopback server that answers as a Kubernetes API server does (API group apps/v1, core/v1, authorization/v1), with
 * controllers behind it that roll at a pace of milliseconds. It enforces RBAC rules, as a Role's `rules` have them.
 *
 * Routes:
 *   GET, PATCH /apis/apps/v1/namespaces/{ns}/{deployments,statefulsets,daemonsets}/{name}
 *   GET  /api/v1/namespaces/{ns}/pods?labelSelector=
 *   POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews
 * Their fields: repository kubernetes/api, apps/v1/types.go, core/v1/types.go, authorization/v1/types.go. Errors are
 * `Status` objects: repository kubernetes/apimachinery, pkg/api/errors/errors.go (each message's words are there).
 * Patches, dry run, field manager: kubernetes.io, "Kubernetes API Concepts"; a resourceVersion in a patch is a
 * condition: apiserver, pkg/registry/generic/registry/store.go (OptimisticLockErrorMsg).
 */
import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Pod } from "../../hook/target/kubernetes/pods.ts";
import type { Workload } from "../../hook/target/kubernetes/workload.ts";

export type Fate = "healthy" | "pull-fails" | "crashes" | "unschedulable" | "waits";

export interface Rule {
  apiGroups: readonly string[];
  resources: readonly string[];
  resourceNames?: readonly string[];
  verbs: readonly string[];
}

export interface Kubernetes {
  origin: string;
  /** `METHOD path?query`, in the order they came. */
  requests: string[];
  /** Bodies of patches, with their content type. */
  patches: { type: string; body: Record<string, unknown> }[];
  fates: Map<string, Fate>;
  /** By bearer token, or by the common name of a client certificate. */
  users: Map<string, readonly Rule[]>;
  intercept: (method: string, path: string) => { status: number; body: unknown } | undefined;
  /** `progressDeadlineSeconds` of every Deployment, in steps of its controller: a busy machine slows both down. */
  progressDeadlineSteps: number;
  add(resource: Resource, workload: Workload, namespace?: string): void;
  workload(resource: Resource, name?: string, namespace?: string): Workload;
  /** What somebody else writes. */
  change(resource: Resource, edit: (workload: Workload) => void): void;
  pods: Pod[];
  stop(): Promise<void>;
}

export type Resource = "deployments" | "statefulsets" | "daemonsets";
type Stored = { resource: Resource; namespace: string; object: Workload; stalledSteps: number };
interface Answer {
  status: number;
  body: unknown;
}

const stepMs = 3;

export interface SecureSetting {
  key: string;
  cert: string;
  /** Of client certificates. */
  ca: string;
}

export async function startKubernetes(secure?: SecureSetting): Promise<Kubernetes> {
  const stored: Stored[] = [];
  let version = 100;
  let podNumber = 0;

  const nextVersion = () => String(++version);
  const find = (namespace: string, resource: string, name: string) =>
    stored.find(
      (one) => one.namespace === namespace && one.resource === resource && one.object.metadata.name === name,
    );
  const imageOf = ({ spec }: Workload) => spec.template.spec.containers[0]?.image ?? "";
  const podsOf = ({ metadata }: Workload) =>
    server.pods.filter((pod) => pod.metadata.name.startsWith(`${metadata.name}-`));
  const isUpdated = (pod: Pod, object: Workload) => pod.spec.containers[0]?.image === imageOf(object);
  const isReady = ({ status }: Pod) => status.containerStatuses?.every(({ ready }) => ready) === true;

  /** What the kubelet tells: pkg/kubelet/images/types.go, pkg/kubelet/container/sync_result.go, the scheduler. */
  function statusFor(fate: Fate, image: string, name: string): Pod["status"] {
    const status = (more: object, ready = false) => ({
      conditions: [{ type: "PodScheduled", status: "True" }],
      containerStatuses: [{ name: "server", ready, restartCount: 0, ...more }],
    });
    switch (fate) {
      case "healthy":
        return status({ state: {} }, true);
      case "pull-fails":
        return status({
          state: { waiting: { reason: "ImagePullBackOff", message: `Back-off pulling image "${image}"` } },
        });
      case "crashes":
        return status({
          restartCount: 3,
          state: {
            waiting: {
              reason: "CrashLoopBackOff",
              message: `back-off 40s restarting failed container=server pod=${name}`,
            },
          },
          lastState: { terminated: { exitCode: 2, reason: "Error", message: "no index.html" } },
        });
      case "unschedulable": {
        const message = "0/3 nodes are available: 3 Insufficient memory.";
        return { conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message }] };
      }
      case "waits":
        return status({ state: { waiting: { reason: "ContainerCreating" } } });
    }
  }

  function makePod(object: Workload): void {
    const name = `${object.metadata.name}-${++podNumber}`;
    const image = imageOf(object);
    const fate = server.fates.get(image) ?? "healthy";
    const { containers, initContainers } = structuredClone(object.spec.template.spec);
    const status = statusFor("waits", image, name);
    const pod: Pod = {
      metadata: { name },
      spec: { containers, ...(initContainers && { initContainers }) },
      status,
    };
    server.pods.push(pod);
    setTimeout(() => {
      pod.status = statusFor(fate, image, name);
    }, stepMs);
  }

  function removePod(pod: Pod | undefined): void {
    if (pod !== undefined) server.pods.splice(server.pods.indexOf(pod), 1);
  }

  /** Deployments: a new pod more, then an old one less. The others: an old one less, then a new one in its place. */
  function reconcile(one: Stored): void {
    const { resource, object } = one;
    one.stalledSteps += 1;
    const wanted = resource === "daemonsets" ? 2 : (object.spec.replicas ?? 1);
    const before = JSON.stringify(object.status);
    const pods = podsOf(object);
    const updated = pods.filter((pod) => isUpdated(pod, object));
    const old = pods.filter((pod) => !isUpdated(pod, object));
    const unready = updated.filter((pod) => !isReady(pod));
    const strategy = object.spec.updateStrategy;
    const partition = strategy?.rollingUpdate?.partition ?? 0;
    const mayReplace = unready.length === 0 && object.spec.paused !== true && strategy?.type !== "OnDelete";
    if (resource === "deployments") {
      const surplus = pods.length > wanted;
      const oldUnready = old.find((pod) => !isReady(pod));
      if (mayReplace && updated.length < wanted && !surplus) makePod(object);
      else if (oldUnready !== undefined) removePod(oldUnready);
      else if (surplus && unready.length === 0) removePod(old[0]);
    } else if (mayReplace && old.length > partition) {
      removePod(old.at(-1));
      makePod(object);
    } else {
      // A pod that was never ready is replaced when its template changes.
      const stuck = old.find((pod) => !isReady(pod));
      if (stuck !== undefined) {
        removePod(stuck);
        makePod(object);
      }
    }
    object.status = statusOf(one, wanted);
    if (JSON.stringify(object.status) === before) return;
    object.metadata.resourceVersion = nextVersion();
  }

  function statusOf(one: Stored, wanted: number): Workload["status"] {
    const { resource, object } = one;
    const pods = podsOf(object);
    const updated = pods.filter((pod) => isUpdated(pod, object)).length;
    const ready = pods.filter(isReady).length;
    const readyUpdated = pods.filter((pod) => isUpdated(pod, object) && isReady(pod)).length;
    const observedGeneration = object.metadata.generation;
    const isDone = updated === pods.length && ready === wanted && updated === wanted;
    if (resource === "daemonsets") {
      return {
        observedGeneration,
        desiredNumberScheduled: wanted,
        updatedNumberScheduled: updated,
        numberAvailable: ready,
      };
    }
    if (resource === "statefulsets") {
      const updateRevision = imageOf(object);
      const currentRevision = isDone ? updateRevision : (object.status.currentRevision ?? "first");
      return {
        observedGeneration,
        replicas: pods.length,
        updatedReplicas: updated,
        readyReplicas: ready,
        currentRevision,
        updateRevision,
      };
    }
    if (object.status.updatedReplicas !== updated || object.status.readyReplicas !== ready)
      one.stalledSteps = 0;
    return {
      observedGeneration,
      replicas: pods.length,
      updatedReplicas: updated,
      readyReplicas: ready,
      availableReplicas: Math.min(ready, readyUpdated + (pods.length - updated)),
      conditions: [progressing(one, isDone)],
    };
  }

  /** kubernetes/pkg/controller/deployment/progress.go: syncRolloutStatus. */
  function progressing({ object, stalledSteps }: Stored, isDone: boolean) {
    const set = `ReplicaSet "${object.metadata.name}-5d8c"`;
    if (isDone) {
      return {
        type: "Progressing",
        status: "True",
        reason: "NewReplicaSetAvailable",
        message: `${set} has successfully progressed.`,
      };
    }
    if (stalledSteps > server.progressDeadlineSteps) {
      return {
        type: "Progressing",
        status: "False",
        reason: "ProgressDeadlineExceeded",
        message: `${set} has timed out progressing.`,
      };
    }
    return {
      type: "Progressing",
      status: "True",
      reason: "ReplicaSetUpdated",
      message: `${set} is progressing.`,
    };
  }

  function patch(one: Stored, body: Record<string, unknown>, isDryRun: boolean): Answer {
    const { object, resource } = one;
    const { metadata = {}, spec } = body as {
      metadata?: { resourceVersion?: string; annotations?: object };
      spec?: Partial<Workload["spec"]>;
    };
    if (
      metadata.resourceVersion !== undefined &&
      metadata.resourceVersion !== object.metadata.resourceVersion
    ) {
      const why =
        "the object has been modified; please apply your changes to the latest version and try again";
      return status(
        409,
        "Conflict",
        `Operation cannot be fulfilled on ${resource}.apps "${object.metadata.name}": ${why}`,
      );
    }
    const next = structuredClone(object);
    Object.assign(next.metadata, { annotations: metadata.annotations });
    const changed = spec?.template?.spec;
    // Strategic merge: containers by their names.
    for (const list of ["containers", "initContainers"] as const) {
      for (const given of changed?.[list] ?? []) {
        const found = next.spec.template.spec[list]?.find(({ name }) => name === given.name);
        if (found === undefined)
          return status(422, "Invalid", `${resource} "x" is invalid: spec.template.spec.${list}`);
        Object.assign(found, given);
      }
    }
    if (JSON.stringify(next.spec) !== JSON.stringify(object.spec)) next.metadata.generation += 1;
    if (isDryRun) return { status: 200, body: next };
    next.metadata.resourceVersion = nextVersion();
    one.object = next;
    one.stalledSteps = 0;
    return { status: 200, body: next };
  }

  function answer(asked: Asked): Answer {
    const { method, path, query, body, user } = asked;
    if (user === undefined) return status(401, "Unauthorized", "Unauthorized");
    if (path === "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews") return review(user, body);
    const [, group, namespace = "", resource = "", name = ""] =
      /^\/(?:apis\/(apps)|api)\/v1\/namespaces\/([^/]+)\/([^/]+)(?:\/([^/]+))?$/.exec(path) ?? [];
    const verb = name === "" ? "list" : method === "PATCH" ? "patch" : "get";
    const full = group === undefined ? resource : `${resource}.${group}`;
    if (!mayDo(user, { verb, group: group ?? "", resource, name })) {
      const what = name === "" ? full : `${full} "${name}"`;
      const who = `User "system:serviceaccount:sites:statigo" cannot ${verb} resource "${resource}" in API group "${group ?? ""}" in the namespace "${namespace}"`;
      return status(403, "Forbidden", `${what} is forbidden: ${who}`);
    }
    if (resource === "pods") return listPods(namespace, query.get("labelSelector") ?? "");
    const found = find(namespace, resource, name);
    if (found === undefined) return status(404, "NotFound", `${full} "${name}" not found`);
    return method === "PATCH"
      ? patch(found, body, query.get("dryRun") === "All")
      : { status: 200, body: found.object };
  }

  function listPods(namespace: string, selector: string): Answer {
    const owners = stored.filter(
      ({ object, namespace: here }) =>
        here === namespace &&
        selector ===
          Object.entries(object.spec.selector.matchLabels ?? {})
            .map((pair) => pair.join("="))
            .join(","),
    );
    return { status: 200, body: { kind: "PodList", items: owners.flatMap(({ object }) => podsOf(object)) } };
  }

  function review(user: readonly Rule[], body: Record<string, unknown>): Answer {
    const { resourceAttributes } = body["spec"] as { resourceAttributes: Question };
    return { status: 201, body: { ...body, status: { allowed: mayDo(user, resourceAttributes) } } };
  }

  function userOf(request: IncomingMessage): readonly Rule[] | undefined {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
    const certificate =
      secure === undefined ? undefined : (request.socket as TLSSocket).getPeerCertificate().subject?.CN;
    return server.users.get(token ?? String(certificate ?? ""));
  }

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "" } = request;
    server.requests.push(`${method} ${url}`);
    const { pathname: path, searchParams: query } = new URL(url, "http://kubernetes");
    const chunks = await request.toArray();
    const body = chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString());
    if (method === "PATCH") server.patches.push({ type: request.headers["content-type"] ?? "", body });
    const result =
      server.intercept(method, path) ?? answer({ method, path, query, body, user: userOf(request) });
    const text = typeof result.body === "string" ? result.body : JSON.stringify(result.body);
    response.writeHead(result.status, { "content-type": "application/json" }).end(text);
  }

  const listener = (request: IncomingMessage, response: ServerResponse) => {
    respond(request, response).catch((error: Error) => response.destroy(error));
  };
  const http =
    secure === undefined
      ? createPlainServer(listener)
      : createSecureServer({ ...secure, requestCert: true, rejectUnauthorized: false }, listener);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const controllers = setInterval(() => {
    for (const one of stored) reconcile(one);
  }, stepMs);

  const server: Kubernetes = {
    origin: `${secure === undefined ? "http" : "https"}://127.0.0.1:${(http.address() as AddressInfo).port}`,
    requests: [],
    patches: [],
    fates: new Map(),
    users: new Map([["", everything]]),
    intercept: () => undefined,
    progressDeadlineSteps: Number.POSITIVE_INFINITY,
    pods: [],
    /** As if it had run for long. */
    add(resource, workload, namespace = "default") {
      const object = structuredClone(workload);
      const one: Stored = { resource, namespace, object, stalledSteps: 0 };
      const wanted = resource === "daemonsets" ? 2 : (object.spec.replicas ?? 1);
      for (let count = 0; count < wanted; count++) makePod(object);
      for (const pod of podsOf(object)) pod.status = statusFor("healthy", "", "");
      object.status = statusOf(one, wanted);
      stored.push(one);
    },
    workload: (resource, name = "blog", namespace = "default") => {
      const found = find(namespace, resource, name);
      if (found === undefined) throw new Error(`no ${resource} ${name}`);
      return found.object;
    },
    change(resource, edit) {
      const found = find("default", resource, "blog");
      if (found === undefined) return;
      edit(found.object);
      found.object.metadata.resourceVersion = nextVersion();
    },
    async stop() {
      clearInterval(controllers);
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  return server;
}

interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  body: Record<string, unknown>;
  user: readonly Rule[] | undefined;
}

interface Question {
  verb: string;
  group: string;
  resource: string;
  name?: string;
}

const everything: readonly Rule[] = [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }];

/** kubernetes/plugin/pkg/auth/authorizer/rbac/rbac.go: RuleAllows; a rule with names does not allow to list. */
function mayDo(rules: readonly Rule[], { verb, group, resource, name = "" }: Question): boolean {
  const has = (list: readonly string[], value: string) => list.includes("*") || list.includes(value);
  return rules.some(
    ({ apiGroups, resources, resourceNames = [], verbs }) =>
      has(verbs, verb) &&
      has(apiGroups, group) &&
      has(resources, resource) &&
      (resourceNames.length === 0 || resourceNames.includes(name)),
  );
}

function status(code: number, reason: string, message: string): Answer {
  return {
    status: code,
    body: { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code },
  };
}

/** A workload with one container, as the API server tells it. */
export function makeWorkload(more: { image?: string; replicas?: number; spec?: object } = {}): Workload {
  const { image = "stut/blog:v1", replicas = 2, spec = {} } = more;
  const container = {
    name: "server",
    image,
    readinessProbe: { httpGet: { path: "/", port: 3000 } },
    resources: {},
  };
  return {
    metadata: { name: "blog", generation: 1, resourceVersion: "1" },
    spec: {
      replicas,
      selector: { matchLabels: { app: "blog" } },
      strategy: { type: "RollingUpdate" },
      template: { spec: { containers: [container] } },
      ...spec,
    },
    status: {},
  };
}
