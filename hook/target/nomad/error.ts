import type { Answer } from "../../http/http-request.ts";
import { ApiError } from "../api-error.ts";
import type { NomadAccess, NomadCall } from "./client.ts";

/**
 * Nomad answers 500 to almost everything that it does not like. These are the ones that pass: no leader, or a server
 * that cannot reach it (nomad/structs/errors.go, nomad/rpc.go).
 */
const passing =
  /No cluster leader|Not ready to serve consistent reads|leadership lost|failed to get conn|rpc error: .*(?:EOF|connection|timeout)|raft/i;

const wrongRegion = /No path to region/;

/** An HTTP answer other than 200, in words that say what to do. */
export function errorOfAnswer(
  { status, headers, body }: Pick<Answer, "status" | "headers" | "body">,
  access: Pick<NomadAccess, "address" | "token" | "namespace" | "region">,
  { method, path }: Required<Pick<NomadCall, "method" | "path">>,
): ApiError {
  const said = body.replace(/\s+/g, " ").trim().slice(0, 500);
  // What is only read has nothing in it that could be disliked, but for the region.
  const mayPass = method === "GET" ? !wrongRegion.test(said) : passing.test(said);
  const isTemporary = [429, 502, 503, 504].includes(status) || (status === 500 && mayPass);
  const message = `Nomad at ${access.address} ${explain(status, said, headers.location, access, path)}`;
  return new ApiError(message, { status, said, isTemporary, hasNoEffect: !isTemporary || status === 429 });
}

function explain(
  status: number,
  said: string,
  location: string | undefined,
  { token, namespace = "default", region }: Pick<NomadAccess, "token" | "namespace" | "region">,
  path: string,
): string {
  const quote = said === "" ? `${status}` : `${status}: ${said}`;
  if (status === 403) {
    const whose = token === undefined ? "a request without a token" : "the token";
    return `refused ${whose} (${quote}): it needs read-job and submit-job in the namespace ${namespace}`;
  }
  if (status === 404 && /job not found/.test(said)) {
    const job = decodeURIComponent(path.split("/")[1] ?? "");
    const where = `the namespace ${namespace}${region === undefined ? "" : ` of the region ${region}`}`;
    return `has no job ${job} in ${where}: register it once with \`nomad job run\`, or correct \`job\` and \`namespace\``;
  }
  if (wrongRegion.test(said)) return `knows no region ${region} (${quote}): correct \`region\``;
  if (status >= 300 && status < 400) {
    const to = URL.parse(location ?? "")?.origin ?? "another place";
    return `redirects to ${to} (${status}), which is not followed: write the final address into the config`;
  }
  return `answered ${quote} to a request for ${path.split("?")[0]}`;
}

/** Somebody else changed the job between reading and writing (`Job.EnforceIndex`, `Job.Revert`). */
export function isLostRace(error: unknown): boolean {
  return (
    error instanceof ApiError &&
    error.status === 500 &&
    /^Enforcing job modify index|enforcing version \d+/.test(error.said)
  );
}
