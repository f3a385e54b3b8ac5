import { z } from "zod";
import type { ErrorCode } from "../../http/errors.ts";
import type { Deployment } from "../../store/deployment.ts";
import { requireService } from "./caller.ts";
import { presentDeployment, presentTransition } from "./present.ts";
import { type ApiRoute, type Call, defineRoute } from "./route.ts";
import {
  deploymentSchema,
  idSchema,
  named,
  noQuery,
  serviceNameSchema,
  stateSchema,
  transitionSchema,
} from "./schemas.ts";
import type { Scope } from "./token.ts";
import { type ApiTools, findDeployment } from "./tools.ts";

/** Stored, and will be deployed: the deployment itself says how that goes. */
export const acceptedAnswer = { status: 202, schema: deploymentSchema } as const;

const pageSchema = named(
  "DeploymentPage",
  z.object({
    deployments: z.array(deploymentSchema),
    next: z.int().nullable().describe("`before` for the next page; null on the last one"),
  }),
);
const detailsSchema = named(
  "DeploymentDetails",
  deploymentSchema.extend({ transitions: z.array(transitionSchema).describe("oldest first") }),
);
const listQuery = z.strictObject({
  service: serviceNameSchema.optional(),
  state: stateSchema.optional(),
  before: idSchema.optional().describe("only those with a smaller id"),
  limit: z.coerce.number<string>().int().min(1).max(200).default(50),
});

export function deploymentRoutes(tools: ApiTools): ApiRoute[] {
  const { operations, store } = tools;
  return [
    defineRoute({
      method: "GET",
      url: "/api/deployments",
      operation: "listDeployments",
      summary: "The deployments, newest first",
      scope: "read",
      query: listQuery,
      answer: { status: 200, schema: pageSchema },
      handle({ caller, query }) {
        const { limit, service, ...filter } = query;
        if (service !== undefined) requireService(caller, service);
        const services = service === undefined ? caller.services : [service];
        // One more than asked for shows whether there is a next page.
        const found = store.list({ ...filter, services, limit: limit + 1 });
        const page = found.slice(0, limit);
        const next = found.length > limit ? (page.at(-1)?.id ?? null) : null;
        return { deployments: page.map(presentDeployment), next };
      },
    }),
    defineRoute({
      method: "GET",
      url: "/api/deployments/:id",
      operation: "getDeployment",
      summary: "One deployment and its way through the states",
      scope: "read",
      query: noQuery,
      answer: { status: 200, schema: detailsSchema },
      errors: ["deployment_not_found"],
      handle({ params, caller }) {
        const found = findDeployment(params["id"], caller, tools);
        const transitions = store.listTransitions(found.id).map((one) => presentTransition(one, found.tag));
        return { ...presentDeployment(found), transitions };
      },
    }),
    actionRoute(tools, {
      name: "redeploy",
      summary: "Deploy once more what this deployment did",
      scope: "deploy",
      error: "service_not_found",
      act: operations.redeploy,
    }),
    actionRoute(tools, {
      name: "cancel",
      summary: "Keep a deployment that waits from being deployed, or stop one that is under way",
      scope: "deploy",
      error: "not_cancellable",
      act: operations.cancel,
    }),
    actionRoute(tools, {
      name: "approve",
      summary: "Let a deployment go ahead that waits for approval",
      scope: "admin",
      error: "not_waiting_for_approval",
      act: operations.approve,
    }),
  ];
}

interface Action {
  name: string;
  summary: string;
  scope: Scope;
  error: ErrorCode;
  act(id: number, actor: string): Promise<Deployment>;
}

function actionRoute(tools: ApiTools, { name, summary, scope, error, act }: Action): ApiRoute {
  return defineRoute({
    method: "POST",
    url: `/api/deployments/:id/${name}`,
    operation: name,
    summary,
    scope,
    query: noQuery,
    answer: acceptedAnswer,
    errors: ["deployment_not_found", error],
    async handle({ params, caller }: Pick<Call, "params" | "caller">) {
      const { id } = findDeployment(params["id"], caller, tools);
      return presentDeployment(await act(id, caller.name));
    },
  });
}
