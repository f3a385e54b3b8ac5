import type { Credentials } from "../../oci/credentials.ts";
import { dockerHub, type ImageName } from "../../oci/reference.ts";

/**
 * What the Engine shows a registry when it pulls: the header `X-Registry-Auth` of its API, base64url with padding, as
 * Go's decoder of it wants.
 */
export function registryAuthHeader(
  credentials: Credentials | undefined,
  { registry }: ImageName,
): Record<string, string> {
  if (credentials === undefined) return {};
  const serveraddress = registry === dockerHub.name ? dockerHub.credentialsKey : registry;
  const auth =
    "identityToken" in credentials
      ? { identitytoken: credentials.identityToken, serveraddress }
      : { ...credentials, serveraddress };
  const base64 = Buffer.from(JSON.stringify(auth)).toString("base64");
  return { "x-registry-auth": base64.replaceAll("+", "-").replaceAll("/", "_") };
}
