import type { FastifyRequest } from "fastify";

/**
 * Whether a request was made by a page of the hook's own. Browsers say so by themselves (Fetch Metadata), where the
 * page is of a secure context; elsewhere by the Origin of everything that is not a GET.
 */
export function isSameOrigin(request: FastifyRequest, publicUrl: string | undefined): boolean {
  const site = request.headers["sec-fetch-site"];
  if (site !== undefined) return site === "same-origin";
  const origin = URL.parse(request.headers.origin ?? "");
  if (origin === null) return false;
  // A proxy may have changed the Host; then the public address is what the browser sees.
  return origin.host === request.host || origin.origin === URL.parse(publicUrl ?? "")?.origin;
}
