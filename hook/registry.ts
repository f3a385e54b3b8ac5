import { z } from "zod";
import type { Credentials } from "../oci/credentials.ts";
import { readDockerCredentials } from "../oci/docker-config.ts";
import type { ImageSource } from "../oci/image-source.ts";
import type { ImageName } from "../oci/reference.ts";
import { type DigestAnswer, findDigest, registryUrl } from "../oci/registry.ts";
import { openRegistry } from "../oci/registry-source.ts";
import type { Fields } from "./config/fields.ts";
import { halfLogin, isOneLogin, isWholeLogin, twoLogins } from "./config/login.ts";
import { explainConnectionError, isTemporaryConnectionError } from "./http/connection-error.ts";
import { tlsSchema } from "./http/tls.ts";
import type { CheckContext, CheckResult } from "./target/target.ts";

/** What a service's registry can be asked. */
export interface ServiceRegistry {
  /** Whether a tag is looked up before it is deployed. */
  isAsked: boolean;
  /** Whose digest counts when the webhook brought another one than the registry has now. */
  digestOf: "webhook" | "registry";
  /** Never throws. */
  findDigest(tag: string, signal: AbortSignal): Promise<DigestAnswer>;
  /** Whether the registry lets itself be read. */
  check(context: CheckContext): Promise<CheckResult>;
  /** The image's content, for targets that fetch it themselves. Throws when the login cannot be had. */
  open(signal: AbortSignal): Promise<ImageSource>;
}

/** `registry: { check, digest, username, password, dockerConfig, insecure, tls, timeout }` of a service. */
export function registrySchema(fields: Fields) {
  return z
    .strictObject({
      check: z.boolean().default(true).describe("whether to look a tag up before it is deployed"),
      digest: z
        .enum(["webhook", "registry"])
        .default("webhook")
        .describe("whose digest counts when they differ: webhook or registry"),
      username: z.string().min(1, "is empty").optional().describe("who may read the image"),
      password: fields.secret("the password or access token of `username`").optional(),
      dockerConfig: fields.path("a Docker config.json with a login for the registry").optional(),
      insecure: z.boolean().optional().describe("speak http; on this machine that is so without it"),
      tls: tlsSchema(fields).optional(),
      timeout: fields.duration("how long the registry may take", {
        default: "15s",
        minimum: "1s",
        maximum: "5m",
      }),
    })
    .refine(isWholeLogin, halfLogin)
    .refine(isOneLogin, twoLogins);
}

export type RegistryOptions = z.output<ReturnType<typeof registrySchema>>;

/** Of a service that says nothing about its registry. */
export const openToAll: RegistryOptions = { check: false, digest: "webhook", timeout: 15_000 };

export interface RegistrySurroundings {
  image: ImageName;
  /** For credential helpers. */
  environment: Readonly<Record<string, string | undefined>>;
}

export function createServiceRegistry(
  options: RegistryOptions,
  { image, environment }: RegistrySurroundings,
): ServiceRegistry {
  const { insecure, tls, timeout } = options;
  const access = { ...(insecure !== undefined && { insecure }), ...(tls !== undefined && { tls }) };
  const { origin } = registryUrl(image, access);

  async function find(tag: string, outer: AbortSignal): Promise<DigestAnswer> {
    const limit = AbortSignal.timeout(timeout);
    const signal = AbortSignal.any([outer, limit]);
    try {
      const credentials = await readCredentials(options, image, { environment, signal });
      return await findDigest(image, tag, { ...access, credentials, signal });
    } catch (error) {
      if (limit.aborted) return { kind: "away", problem: `it did not answer within ${timeout / 1000} s` };
      if ((error as NodeJS.ErrnoException).code === undefined) {
        return { kind: "refused", problem: (error as Error).message };
      }
      const problem = explainConnectionError(error, "the registry", origin, tls);
      return { kind: isTemporaryConnectionError(error) ? "away" : "refused", problem };
    }
  }

  async function check({ signal }: CheckContext): Promise<CheckResult> {
    const answer = await find("latest", signal);
    if (answer.kind === "found" || answer.kind === "missing") {
      return { ok: true, detail: `the registry at ${origin} lets ${image.text} be read` };
    }
    return { ok: false, problem: `the registry at ${origin}: ${answer.problem}` };
  }

  async function open(signal: AbortSignal): Promise<ImageSource> {
    const credentials = await readCredentials(options, image, { environment, signal });
    return openRegistry(image, { ...access, credentials });
  }

  return { isAsked: options.check, digestOf: options.digest, findDigest: find, check, open };
}

async function readCredentials(
  { username, password, dockerConfig }: RegistryOptions,
  { registry }: ImageName,
  lookup: { environment: RegistrySurroundings["environment"]; signal: AbortSignal },
): Promise<Credentials | undefined> {
  if (username !== undefined && password !== undefined) return { username, password };
  return dockerConfig === undefined ? undefined : readDockerCredentials(dockerConfig, registry, lookup);
}
