import { session } from "./session.ts";

/** What the hook said instead of what was asked for, in its own words. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Relative to the page, so that the hook may be behind a proxy under any path. */
const base = "../api/";

export function get<Answer>(path: string): Promise<Answer> {
  return ask<Answer>(`${base}${path}`, {});
}

export function post<Answer>(path: string, body: object = {}): Promise<Answer> {
  return ask<Answer>(`${base}${path}`, { method: "POST", body: JSON.stringify(body) });
}

export async function ask<Answer>(url: string, init: RequestInit): Promise<Answer> {
  const { value } = session;
  const headers = {
    ...(init.body !== undefined && { "content-type": "application/json" }),
    ...(value?.signedIn && init.method !== undefined && { "x-csrf-token": value.csrfToken }),
  };
  let response: Response;
  try {
    response = await fetch(url, { ...init, headers, cache: "no-store" });
  } catch {
    throw new Refusal(0, "The hook cannot be reached. It may be starting again; nothing was changed here.");
  }
  if (response.ok) return (await response.json()) as Answer;
  if (response.status === 401 && value?.signedIn) session.value = { signedIn: false };
  const said = (await response.json().catch(() => undefined)) as { error?: { message?: string } } | undefined;
  throw new Refusal(response.status, said?.error?.message ?? `The hook answered ${response.status}.`);
}
