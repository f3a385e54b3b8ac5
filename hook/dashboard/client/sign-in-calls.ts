import type { SignedIn } from "./answers.ts";
import { ask } from "./api.ts";
import { session } from "./session.ts";

type Answer = SignedIn | { signedIn: false };

export async function findSession(): Promise<void> {
  session.value = await ask<Answer>("session", {});
}

export async function signIn(token: string): Promise<void> {
  session.value = await ask<Answer>("session", { method: "POST", body: JSON.stringify({ token }) });
}

export async function signOut(): Promise<void> {
  session.value = await ask<Answer>("session", { method: "DELETE" });
}
