import type { Config } from "../../config/load.ts";
import { HttpError } from "../../http/errors.ts";
import type { Inspection } from "../../inspect/inspection.ts";
import type { Operations } from "../../operations.ts";
import type { Service } from "../../service.ts";
import type { Deployment } from "../../store/deployment.ts";
import type { Store } from "../../store/store.ts";
import { type Caller, mayUse } from "./caller.ts";
import type { Call } from "./route.ts";

/** What the API's routes work with. The config is asked for anew each time: it may have been loaded again. */
export interface ApiTools {
  live: { readonly current: Config };
  store: Store;
  operations: Operations;
  inspection: Inspection;
}

/** A deployment of a service that the token is not for is no different from one that never was. */
export function findDeployment(id: string | undefined, caller: Caller, { store }: ApiTools): Deployment {
  const found = /^\d{1,15}$/.test(id ?? "") ? store.find(Number(id)) : undefined;
  if (found === undefined || !mayUse(caller, found.service)) throw new HttpError("deployment_not_found");
  return found;
}

export function serviceOf({ params }: Pick<Call, "params">, { live }: ApiTools): Service {
  const service = live.current.services.get(params["service"] ?? "");
  if (service === undefined) throw new HttpError("service_not_found");
  return service;
}
