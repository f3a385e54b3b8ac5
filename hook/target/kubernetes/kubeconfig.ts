import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import type { TlsOptions } from "../../http/tls.ts";
import { isJsonObject, type JsonObject, textOf } from "../../json.ts";

/** How an API server is reached and who asks. */
export interface ClusterAccess {
  server: string;
  tls: TlsOptions;
  token?: string | undefined;
  /** Read again for each request: such tokens are renewed every hour. */
  tokenFile?: string | undefined;
  namespace: string;
}

export type AccessResult = { access: ClusterAccess } | { problem: string };

/** What a user of a kubeconfig may have here; others would run programs or are gone from Kubernetes. */
const userKeys = [
  "token",
  "tokenFile",
  "client-certificate",
  "client-certificate-data",
  "client-key",
  "client-key-data",
];

/** Only the fields that are needed; no exec plugins (client-go's clientcmd/api/v1/types.go has them all). */
export function readKubeconfig(file: string, contextName: string | undefined): AccessResult {
  try {
    const config: unknown = parse(readFileSync(file, "utf8"));
    if (!isJsonObject(config)) return { problem: `${file} is not a kubeconfig` };
    return readContext(config, contextName ?? textOf(config["current-context"]), file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { problem: `cannot read the kubeconfig ${file} (${code ?? message.split("\n")[0]})` };
  }
}

function readContext(config: JsonObject, name: string, file: string): AccessResult {
  const context = findNamed(config, "contexts", "context", name);
  if (context === undefined) {
    return { problem: `${file} has no context ${name === "" ? "by default: set `context`" : name}` };
  }
  const cluster = findNamed(config, "clusters", "cluster", textOf(context["cluster"]));
  const user = findNamed(config, "users", "user", textOf(context["user"])) ?? {};
  if (cluster === undefined) return { problem: `${file} has no cluster ${textOf(context["cluster"])}` };
  const unknown = Object.keys(user).find((key) => !userKeys.includes(key));
  if (unknown !== undefined) {
    const instead = "use a service account's token, or a client certificate";
    return {
      problem: `the user of the context ${name} in ${file} has \`${unknown}\`, which is not supported: ${instead}`,
    };
  }
  for (const key of ["insecure-skip-tls-verify", "proxy-url"]) {
    if (cluster[key] !== undefined && cluster[key] !== false)
      return {
        problem: `the cluster of the context ${name} in ${file} has \`${key}\`, which is not supported`,
      };
  }
  const data = (from: JsonObject, key: string) => readData(from, key, dirname(file));
  const serverName = textOf(cluster["tls-server-name"]);
  const [ca, cert, key] = [
    data(cluster, "certificate-authority"),
    data(user, "client-certificate"),
    data(user, "client-key"),
  ];
  const tokenFile = textOf(user["tokenFile"]);
  return {
    access: {
      server: textOf(cluster["server"]),
      tls: {
        ...(ca && { ca }),
        ...(cert && { cert }),
        ...(key && { key }),
        ...(serverName !== "" && { servername: serverName }),
      },
      // With both, the file counts (clientcmd/client_config.go).
      ...(tokenFile !== "" && { tokenFile: resolve(dirname(file), tokenFile) }),
      ...(tokenFile === "" && user["token"] !== undefined && { token: textOf(user["token"]) }),
      namespace: textOf(context["namespace"]) || "default",
    },
  };
}

function findNamed(config: JsonObject, list: string, inner: string, name: string): JsonObject | undefined {
  const entries = config[list];
  const found = Array.isArray(entries)
    ? entries.find((entry) => isJsonObject(entry) && entry["name"] === name)
    : undefined;
  const value: unknown = isJsonObject(found) ? found[inner] : undefined;
  return isJsonObject(value) ? value : undefined;
}

/** `<key>-data` in base64, which wins, or the file that `<key>` names. */
function readData(from: JsonObject, key: string, directory: string): Buffer | undefined {
  const data = textOf(from[`${key}-data`]);
  if (data !== "") return Buffer.from(data, "base64");
  const path = textOf(from[key]);
  return path === "" ? undefined : readFileSync(resolve(directory, path));
}

export const serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

/** What a pod is given (client-go's rest/config.go, InClusterConfig). */
export function readServiceAccount(
  environment: Readonly<Record<string, string | undefined>>,
  folder = serviceAccountFolder,
): AccessResult {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = "443" } = environment;
  if (host === undefined || host === "") {
    return {
      problem: "the hook does not run in a pod (no KUBERNETES_SERVICE_HOST): set `server` or `kubeconfig`",
    };
  }
  try {
    return {
      access: {
        server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
        tls: { ca: readFileSync(`${folder}/ca.crt`) },
        tokenFile: `${folder}/token`,
        namespace: readFileSync(`${folder}/namespace`, "utf8").trim(),
      },
    };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return {
      problem: `the pod has no service account in ${folder} (${code ?? message}): see automountServiceAccountToken`,
    };
  }
}
