import { useSignal } from "@preact/signals";
import { Refusal } from "./api.ts";
import { signIn } from "./sign-in-calls.ts";

export function SignIn() {
  const problem = useSignal<string | undefined>(undefined);
  const isBusy = useSignal(false);
  const submit = async (form: HTMLFormElement) => {
    isBusy.value = true;
    problem.value = undefined;
    try {
      await signIn(String(new FormData(form).get("token")).trim());
    } catch (error) {
      problem.value = explain(error as Error);
      form.querySelector("input")?.select();
    } finally {
      isBusy.value = false;
    }
  };
  return (
    <main class="sign-in">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit(event.currentTarget);
        }}
      >
        <h1 class="wordmark">statigo</h1>
        <p>Every site, what runs, what happened, and how to undo it.</p>
        <div class="field">
          <label for="token">API token</label>
          <input
            id="token"
            name="token"
            type="password"
            required
            autocomplete="current-password"
            aria-describedby="token-hint"
          />
          <small id="token-hint">
            One of <code>api.tokens</code> in the hook's config. It is exchanged for a cookie and not kept in
            the browser.
          </small>
        </div>
        <p class="problem" role="alert">
          {problem.value}
        </p>
        <button type="submit" class="primary" aria-disabled={isBusy.value}>
          Sign in
        </button>
      </form>
    </main>
  );
}

function explain(error: Error): string {
  if (!(error instanceof Refusal)) return error.message;
  if (error.status === 401) return "No token of the hook's config is this one.";
  return error.status === 429 ? "Too many wrong tokens from here. Wait a minute." : error.message;
}
