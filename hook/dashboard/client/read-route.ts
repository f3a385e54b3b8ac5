/** Where in the dashboard we are. In the fragment: the page is the same wherever a proxy has put it. */
export type Route =
  | { page: "overview" }
  | { page: "service"; service: string }
  | { page: "deployment"; id: number }
  | { page: "unknown" };

export function readRoute(hash: string): Route {
  const [, page = "", name = ""] = hash.split("/");
  if (page === "") return { page: "overview" };
  if (page === "services" && name !== "") return readService(name);
  if (page === "deployments" && /^\d{1,15}$/.test(name)) return { page: "deployment", id: Number(name) };
  return { page: "unknown" };
}

/** A link that was cut off in the middle of a percent-encoded letter is none. */
function readService(name: string): Route {
  try {
    return { page: "service", service: decodeURIComponent(name) };
  } catch {
    return { page: "unknown" };
  }
}

export function serviceLink(service: string): string {
  return `#/services/${encodeURIComponent(service)}`;
}

export function deploymentLink(id: number): string {
  return `#/deployments/${id}`;
}
