import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Action, Field } from "./action.ts";
import { post } from "./api.ts";
import { reload } from "./data.ts";

interface Asked {
  action: Action;
  service: string;
}

const asked = signal<Asked | undefined>(undefined);
const problem = signal<string | undefined>(undefined);
const isBusy = signal(false);
/** The last thing that was done, for the live region at the end of the page. */
export const announcement = signal("");

/** Asks before it is done; the answer is in the dialog's two buttons. */
export function confirmAction(action: Action, service: string): void {
  problem.value = undefined;
  isBusy.value = false;
  asked.value = { action, service };
}

/** The one dialog of the page. */
export function Confirmation() {
  const dialog = useRef<HTMLDialogElement>(null);
  const { value } = asked;
  useLayoutEffect(() => {
    if (value !== undefined && dialog.current?.open === false) dialog.current.showModal();
  }, [value]);
  if (value === undefined) return null;
  const { action } = value;
  const close = () => dialog.current?.close();
  return (
    <dialog
      ref={dialog}
      class="confirm"
      aria-labelledby="confirm-title"
      onClose={() => {
        asked.value = undefined;
      }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void carryOut(value, new FormData(event.currentTarget)).then((isDone) => isDone && close());
        }}
      >
        <h2 id="confirm-title">{action.title}</h2>
        <ol class="sentences">
          {action.sentences.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ol>
        {action.fields.map((field) => (
          <FieldInput key={field.name} field={field} />
        ))}
        <p class="problem" role="alert">
          {problem.value}
        </p>
        <div class="buttons end">
          <button type="button" onClick={close}>
            Leave it
          </button>
          <button
            type="submit"
            class={action.isDangerous ? "danger" : "primary"}
            aria-disabled={isBusy.value}
          >
            {isBusy.value ? "One moment…" : action.confirm}
          </button>
        </div>
      </form>
    </dialog>
  );
}

function FieldInput({ field }: { field: Field }) {
  const { name, label, hint, isRequired = false, pattern, value = "" } = field;
  const id = `field-${name}`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        name={name}
        defaultValue={value}
        required={isRequired}
        pattern={pattern}
        title={hint}
        autocomplete="off"
        spellcheck={false}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
      />
      {hint !== undefined && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  );
}

/** Returns whether it was done. */
async function carryOut({ action, service }: Asked, form: FormData): Promise<boolean> {
  if (isBusy.value) return false;
  isBusy.value = true;
  problem.value = undefined;
  const given = [...form].filter(([, value]) => value !== "");
  try {
    await post(action.path, { ...action.body, ...Object.fromEntries(given) });
    announcement.value = action.done;
    await reload(service).catch(() => {});
    return true;
  } catch (error) {
    problem.value = (error as Error).message;
    return false;
  } finally {
    isBusy.value = false;
  }
}
