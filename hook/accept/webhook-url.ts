import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseDocument } from "yaml";
import { interpolate } from "../config/interpolation.ts";
import type { Config, Environment } from "../config/load.ts";
import { resolveSecret } from "../config/secret.ts";
import { isJsonObject } from "../json.ts";

/** What stands for a secret of which only the hash is known. */
export const unknownSecret = "<secret>";

/** The URLs that senders of a service's webhooks are given, the newest secret's first. */
export function webhookUrls(
  config: Config,
  service: string,
  base: string,
  environment: Environment,
): string[] {
  const address = base.replace(/\/+$/, "");
  return readSecrets(config.file, service, environment).map(
    (secret) => `${address}/hooks/${service}/${secret ?? unknownSecret}`,
  );
}

/**
 * A loaded config keeps hashes only, so the file is read once more. It was found good before: what is not a secret's
 * text here is its hash.
 */
function readSecrets(file: string, service: string, environment: Environment): (string | undefined)[] {
  const document = parseDocument(readFileSync(file, "utf8"));
  interpolate(document, environment, () => false);
  const written: unknown = document.toJS()?.services?.[service]?.secret;
  const scope = { environment, directory: dirname(resolve(file)) };
  return (Array.isArray(written) ? written : [written]).map((value: unknown) => {
    if (isJsonObject(value) && "sha256" in value) return undefined;
    const result = resolveSecret(value, scope);
    return "secret" in result ? result.secret : undefined;
  });
}

/** Where the hook listens, as somebody on the same machine reaches it. */
export function localAddress({ listen: { host, port } }: Config): string {
  const shown = ["::", "0.0.0.0"].includes(host) ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  return `http://${shown}:${port}`;
}
