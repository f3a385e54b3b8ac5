import type { Service } from "./answers.ts";

/** Whether every word of what was typed is in a service's name, image or release. */
export function matches({ name, image, release }: Service, text: string): boolean {
  const words = text.toLowerCase().split(/\s+/);
  const all = `${name} ${image} ${release?.tag ?? ""}`.toLowerCase();
  return words.every((word) => all.includes(word));
}
