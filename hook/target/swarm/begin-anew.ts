import type { Engine } from "../../engine-api/engine.ts";
import { EngineError } from "../../engine-api/error.ts";
import { insist } from "../../engine-api/insist.ts";
import { findService, updateService } from "../../engine-api/services.ts";
import { type Change, isOutOfSequence } from "./change.ts";
import type { Wanted } from "./follow.ts";
import { imageOf, withNewStart } from "./spec.ts";

/**
 * Has a swarm begin an update anew that waits for tasks which a node has taken with it: it finds the tasks that came up
 * since, and goes on with the others. A service that is somebody else's by now is left as it is.
 */
export async function beginAnew(
  engine: Engine,
  { id, image }: Pick<Wanted, "id" | "image">,
  { headers, log, signal }: Omit<Change, "makeSpec">,
): Promise<void> {
  const begin = async () => {
    const service = await findService(engine, id, { signal });
    if (service === undefined || imageOf(service) !== image) return;
    const spec = withNewStart(service.Spec);
    await updateService(engine, service, { spec, headers, signal }).catch((error: unknown) => {
      throw isOutOfSequence(error) ? temporary(error) : error;
    });
  };
  // Begun once more where its answer was lost, it only looks again.
  await insist(begin, { log, signal });
}

/** The swarm itself writes into a service how far it is: read again, it can be changed. */
function temporary({ message, said }: EngineError): EngineError {
  return new EngineError(message, { said, isTemporary: true, hasNoEffect: true });
}
