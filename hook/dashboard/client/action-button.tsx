import type { Action } from "./action.ts";
import { confirmAction } from "./confirm.tsx";
import { may } from "./session.ts";

export interface ActionButtonOptions {
  label: string;
  service: string;
  /** `undefined` where it cannot be done now. */
  action: Action | undefined;
  isPrimary?: boolean;
}

/** Not there for those who may not: what they could not do is no choice. */
export function ActionButton({ label, service, action, isPrimary = false }: ActionButtonOptions) {
  if (action === undefined || !may(action.scope)) return null;
  return (
    <button
      type="button"
      class={isPrimary ? "primary" : undefined}
      onClick={() => confirmAction(action, service)}
    >
      {label}
    </button>
  );
}
