import { CredentialsError } from "../../../oci/credentials.ts";
import type { Engine } from "../../engine-api/engine.ts";
import { EngineError } from "../../engine-api/error.ts";
import type { SwarmService } from "../../engine-api/services.ts";
import type { CheckContext, CheckResult } from "../target.ts";
import { refuseImpossible } from "./deploy.ts";
import { connectManager, findServices, Refusal, type SwarmPlan } from "./plan.ts";
import { chooseOrder } from "./roll.ts";
import { imageOf } from "./spec.ts";

/** Says which services a deployment would change, and how. */
export async function checkSwarm(plan: SwarmPlan, { signal }: CheckContext): Promise<CheckResult> {
  try {
    const engine = await connectManager(plan, signal);
    const services = await findServices(engine, plan, signal);
    await refuseImpossible(plan, engine, services, signal);
    await plan.credentials(signal);
    const how = await Promise.all(services.map((service) => describe(plan, engine, service, signal)));
    return { ok: true, detail: `${engine.product} at ${engine.where} would update ${how.join(", ")}` };
  } catch (error) {
    const isOurs =
      error instanceof EngineError || error instanceof Refusal || error instanceof CredentialsError;
    if (!isOurs) throw error;
    return { ok: false, problem: error.message };
  }
}

async function describe(
  plan: SwarmPlan,
  engine: Engine,
  service: SwarmService,
  signal: AbortSignal,
): Promise<string> {
  const now = `${service.Spec.Name}, which runs ${imageOf(service).replace(/@.*$/, "")}`;
  if (plan.order === "spec") return `${now} (as its own update config says)`;
  const { order, why } = await chooseOrder(engine, service, plan.order, signal);
  return `${now} (${order}${why === undefined ? "" : `: ${why}`})`;
}
