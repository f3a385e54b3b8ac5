import { signal } from "@preact/signals";
import type { Scope, SignedIn } from "./answers.ts";

/** Who is signed in; `undefined` until the hook has said so. */
export const session = signal<SignedIn | { signedIn: false } | undefined>(undefined);

export function may(scope: Scope): boolean {
  return session.value?.signedIn === true && session.value.scopes.includes(scope);
}
