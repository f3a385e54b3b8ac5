import { render } from "preact";
import { Page } from "./page.tsx";
import { findSession } from "./sign-in-calls.ts";

const place = document.getElementById("page");
if (place !== null) render(<Page />, place);

/** While the hook is away there is no telling who is signed in. */
async function findSessionAtLast(): Promise<void> {
  for (;;) {
    try {
      return await findSession();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

void findSessionAtLast();
