import type { ApiWork } from "../api-work.ts";
import type { Nomad } from "./client.ts";
import type { Wanted } from "./job.ts";

/** What one call of the target works with. */
export interface NomadWork extends ApiWork {
  nomad: Nomad;
  job: string;
  wanted: Wanted;
  promote: "auto" | "wait";
}

export function jobPath({ job }: Pick<NomadWork, "job">, rest = ""): string {
  return `job/${encodeURIComponent(job)}${rest}`;
}
