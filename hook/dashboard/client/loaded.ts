import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "./api.ts";

/** An answer of the API, asked for anew when the path or the version changes; the old one stays until then. */
export function useLoaded<Answer>(
  path: string | undefined,
  version: unknown = 0,
): ReadonlySignal<Answer | Error | undefined> {
  const answer = useSignal<Answer | Error | undefined>(undefined);
  useEffect(() => {
    if (path === undefined) return;
    let isWanted = true;
    get<Answer>(path).then(
      (given) => {
        if (isWanted) answer.value = given;
      },
      (error: Error) => {
        if (isWanted && answer.value === undefined) answer.value = error;
      },
    );
    return () => {
      isWanted = false;
    };
  }, [path, version]);
  return answer;
}
