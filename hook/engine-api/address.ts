import { isIP } from "node:net";

/** Where an Engine's API listens. */
export interface EngineAddress {
  /** As the operator wrote it, for messages. */
  text: string;
  /** Before every path of the API; a proxy such as Portainer's has the API under a path of its own. */
  url: URL;
  /** A unix socket, instead of the URL's host. */
  socketPath?: string;
}

export type EngineAddressResult = { address: EngineAddress } | { problem: string };

export const defaultEngineAddress = "unix:///var/run/docker.sock";

const problem =
  "must be unix:///path/of/the.sock, tcp://host:port, or an http or https URL, such as unix:///var/run/docker.sock";

/** The forms of `DOCKER_HOST` but `ssh://` and `npipe://`. `tcp://` speaks TLS where TLS is configured. */
export function parseEngineAddress(text: string, { hasTls }: { hasTls: boolean }): EngineAddressResult {
  const [, scheme = "", rest = ""] = /^([a-z]+):\/\/(.*)$/s.exec(text) ?? [];
  if (scheme === "unix") {
    if (!rest.startsWith("/") || rest.includes("\0")) return { problem };
    return { address: { text, url: new URL("http://localhost"), socketPath: rest } };
  }
  if (scheme !== "tcp" && scheme !== "http" && scheme !== "https") return { problem };
  const url = URL.parse(scheme === "tcp" ? `${hasTls ? "https" : "http"}://${rest}` : text);
  if (url === null || url.hostname === "" || url.username !== "" || url.search !== "" || url.hash !== "")
    return { problem };
  if (scheme === "http" && hasTls) return { problem: "has tls, but the address is http: write https or tcp" };
  // The ports that Docker has registered for tcp:// without one.
  if (scheme === "tcp" && !/:\d+\/?$/.test(rest)) url.port = hasTls ? "2376" : "2375";
  return { address: { text, url } };
}

/** Whoever can speak to an Engine is root on its machine: without TLS, that is for this machine only. */
export function isOpenToNetwork({ url, socketPath }: EngineAddress): boolean {
  if (socketPath !== undefined || url.protocol === "https:") return false;
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return !(host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127.")));
}
