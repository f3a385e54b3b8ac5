import { signal } from "@preact/signals";
import { type Route, readRoute } from "./read-route.ts";

export const route = signal<Route>(readRoute(location.hash));

addEventListener("hashchange", () => {
  route.value = readRoute(location.hash);
});
