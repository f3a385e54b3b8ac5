import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { announcement } from "./confirm.tsx";

/** A text to be taken elsewhere. Without https there is no clipboard to write to: then it is selected. */
export function CopyText({ label, text }: { label: string; text: string }) {
  const shown = useRef<HTMLInputElement>(null);
  const words = useSignal("Copy");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      words.value = "Copied";
      announcement.value = `${label} copied`;
    } catch {
      shown.current?.select();
      words.value = "Selected";
    }
  };
  return (
    <div class="copy">
      <input
        ref={shown}
        readOnly
        value={text}
        aria-label={label}
        onFocus={({ currentTarget }) => currentTarget.select()}
      />
      <button type="button" onClick={() => void copy()} aria-label={`Copy: ${label}`}>
        {words.value}
      </button>
    </div>
  );
}
