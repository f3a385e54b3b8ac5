import { nameOf } from "../../engine-api/containers.ts";
import { EngineError } from "../../engine-api/error.ts";
import type { CheckContext, CheckResult } from "../target.ts";
import { findConflict } from "./copy.ts";
import { type DockerPlan, orderProblem, refuse } from "./deploy.ts";
import { describeSelector, findMeant } from "./find.ts";

/** Says what a deployment would replace, and how. */
export async function checkContainers(plan: DockerPlan, { signal }: CheckContext): Promise<CheckResult> {
  try {
    const engine = await plan.connect(signal);
    const found = await findMeant(engine, plan.selector, { signal });
    if (found.length === 0)
      return {
        ok: false,
        problem: `${engine.product} at ${engine.where} has no container with ${describeSelector(plan.selector)}`,
      };
    for (const container of found) {
      const problem = (await refuse(engine, container, plan, signal)) ?? orderProblem(container, plan);
      if (problem !== undefined) return { ok: false, problem };
    }
    const how = found.map((container) => {
      const conflict = plan.replace.order === "stop-first" ? "the config says so" : findConflict(container);
      return `${nameOf(container)} (${conflict === undefined ? "start-first" : `stop-first: ${conflict}`})`;
    });
    return { ok: true, detail: `${engine.product} at ${engine.where} would replace ${how.join(", ")}` };
  } catch (error) {
    if (error instanceof EngineError) return { ok: false, problem: error.message };
    throw error;
  }
}
