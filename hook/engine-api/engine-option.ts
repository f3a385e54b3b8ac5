import { z } from "zod";
import { type EngineAddress, isOpenToNetwork, parseEngineAddress } from "./address.ts";

/** The last step of a target's schema: its option `engine` as an address that may be spoken to. */
export function resolveEngine<Options extends { engine: string; tls?: unknown }>(
  options: Options,
  context: z.RefinementCtx<Options>,
): Omit<Options, "engine"> & { engine: EngineAddress } {
  const result = parseEngineAddress(options.engine, { hasTls: options.tls !== undefined });
  if ("address" in result && !isOpenToNetwork(result.address)) return { ...options, engine: result.address };
  const message = "problem" in result ? result.problem : exposure;
  context.addIssue({ code: "custom", message, path: ["engine"] });
  return z.NEVER;
}

const exposure =
  "is spoken to without TLS: whoever is on the way is root there; set tls, or use a tunnel to this machine";
