import { useSignal } from "@preact/signals";
import type { NewSecret, SetUp, TestResult } from "./answers.ts";
import { post } from "./api.ts";
import { CopyText } from "./copy-text.tsx";
import { changes } from "./data.ts";
import { useLoaded } from "./loaded.ts";
import { may } from "./session.ts";

interface SetUpOptions {
  service: string;
  setUp: SetUp;
}

export function ServiceSetUp({ service, setUp }: SetUpOptions) {
  return (
    <section class="set-up" aria-labelledby="set-up-title">
      <h2 id="set-up-title">Set-up</h2>
      <Webhook service={service} setUp={setUp} />
      {may("deploy") && <TestDelivery service={service} />}
      {may("admin") && <ShownConfig service={service} />}
    </section>
  );
}

/** The hook's own address, if the config does not know it: where this page came from. */
function addressOf({ publicUrl }: SetUp): string {
  return publicUrl ?? new URL("..", location.href).href.replace(/\/$/, "");
}

function Webhook({ service, setUp }: SetUpOptions) {
  const made = useSignal<NewSecret | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  const address = addressOf(setUp);
  const { source, isSigned, tags, secrets } = setUp;
  const make = async () => {
    try {
      made.value = await post<NewSecret>(`services/${encodeURIComponent(service)}/new-secret`);
    } catch (error) {
      problem.value = (error as Error).message;
    }
  };
  return (
    <details open>
      <summary>Webhook</summary>
      <CopyText label="URL" text={`${address}${setUp.path}`} />
      <p>
        The hook keeps only a hash of the secret, so it cannot show it again. It takes webhooks of{" "}
        {source ?? "any sender it knows"}
        {isSigned && ", signed"}, whose tag matches <code>{tags}</code>.
      </p>
      {may("admin") && made.value === undefined && (
        <button type="button" onClick={() => void make()}>
          Make a new secret
        </button>
      )}
      {made.value !== undefined && (
        <div class="new-secret">
          <p>
            Shown this once. It is good as soon as the config has its hash and the hook has loaded it
            (SIGHUP).{" "}
            {secrets === 1
              ? "Put it beside the old one, as a list of two, until the sender has the new URL."
              : "There are two already: put it in the place of the older one."}
          </p>
          <CopyText label="New URL" text={`${address}${made.value.path}`} />
          <CopyText label="For the config" text={made.value.config} />
        </div>
      )}
      <p class="problem" role="alert">
        {problem.value}
      </p>
    </details>
  );
}

const resultWords: Readonly<Record<TestResult["result"], string>> = {
  deploy: "It would be deployed.",
  wait: "It would be kept, and wait.",
  duplicate: "Nothing: the hook knows it already.",
  superseded: "Nothing: it is older than what there is.",
  ignored: "Nothing: this service does not want it.",
  refused: "It would be refused.",
};

function TestDelivery({ service }: { service: string }) {
  const result = useSignal<TestResult | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  const test = async (form: FormData) => {
    problem.value = undefined;
    const payload = String(form.get("payload")).trim();
    const body = payload === "" ? { tag: String(form.get("tag")).trim() } : { payload };
    try {
      result.value = await post<TestResult>(`services/${encodeURIComponent(service)}/test-delivery`, body);
    } catch (error) {
      result.value = undefined;
      problem.value = (error as Error).message;
    }
  };
  return (
    <details open>
      <summary>Test a delivery</summary>
      <p>
        Goes the way of a webhook and says what would become of it. Nothing is deployed, and nothing is kept.
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void test(new FormData(event.currentTarget));
        }}
      >
        <div class="field">
          <label for="test-tag">Tag</label>
          <input id="test-tag" name="tag" autocomplete="off" spellcheck={false} />
        </div>
        <details>
          <summary>Or a sender's own body</summary>
          <div class="field">
            <label for="test-payload">Body, as JSON</label>
            <textarea id="test-payload" name="payload" rows={4} spellcheck={false} />
          </div>
        </details>
        <button type="submit">Test it</button>
      </form>
      <div role="status" class="test-result">
        {result.value !== undefined && (
          <>
            <p>
              <strong>{resultWords[result.value.result]}</strong>
            </p>
            <ul class="sentences">
              {[...result.value.findings, ...result.value.steps].map((sentence) => (
                <li key={sentence}>{sentence}</li>
              ))}
            </ul>
          </>
        )}
      </div>
      <p class="problem" role="alert">
        {problem.value}
      </p>
    </details>
  );
}

function ShownConfig({ service }: { service: string }) {
  const isOpen = useSignal(false);
  const config = useLoaded<{ file: string; yaml: string }>(
    isOpen.value ? `services/${encodeURIComponent(service)}/config` : undefined,
    changes.value.get(service),
  ).value;
  return (
    <details
      onToggle={({ currentTarget }) => {
        isOpen.value = currentTarget.open;
      }}
    >
      <summary>Config, as it was loaded</summary>
      {config !== undefined && !(config instanceof Error) && (
        <>
          <p class="quiet">{config.file}, secrets masked</p>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard */}
          <pre tabIndex={0}>{config.yaml}</pre>
        </>
      )}
      <p class="problem" role="alert">
        {config instanceof Error && config.message}
      </p>
    </details>
  );
}
