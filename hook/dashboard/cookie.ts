import type { FastifyRequest } from "fastify";

/**
 * The session's cookie. SameSite=Strict: no other site's page gets a request with it to the hook, and nothing but the
 * dashboard needs one. `__Host-` keeps a neighbouring subdomain from setting it, and can be had with https only.
 */
export function formatCookie(request: FastifyRequest, id: string, maxAgeSeconds: number): string {
  const isSecure = request.protocol === "https";
  const attributes = ["Path=/", "HttpOnly", "SameSite=Strict", `Max-Age=${maxAgeSeconds}`];
  return [`${nameFor(isSecure)}=${id}`, ...attributes, ...(isSecure ? ["Secure"] : [])].join("; ");
}

/** The session's id as the browser has it. RFC 6265 section 5.4: `name=value` pairs between semicolons. */
export function readCookie({ headers, protocol }: FastifyRequest): string | undefined {
  const name = nameFor(protocol === "https");
  const pairs = (headers.cookie ?? "").split(";").map((pair) => pair.trim());
  const id = pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
  return id !== undefined && /^[A-Za-z0-9_-]{43}$/.test(id) ? id : undefined;
}

function nameFor(isSecure: boolean): string {
  return isSecure ? "__Host-statigo" : "statigo";
}
