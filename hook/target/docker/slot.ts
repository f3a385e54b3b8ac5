import { randomBytes } from "node:crypto";
import type { Release } from "../target.ts";

/**
 * A slot is a container's name, such as `blog`, and whatever has been in it. The container that serves has the name
 * itself; the one that is to follow is called `blog-next-<8 hex digits>`, a replaced one `blog-old-<8 hex digits>`.
 * Renaming is the one change of a container that an Engine makes at once or not at all: so the names are the truth
 * about how far a replacement came, whoever was killed on the way.
 */
export type Role = "next" | "old";

export function newName(slot: string, role: Role): string {
  return `${slot}-${role}-${randomBytes(4).toString("hex")}`;
}

/** What a container's name says that it is in a slot. */
export function roleIn(slot: string, name: string): Role | "holder" | undefined {
  if (name === slot) return "holder";
  if (!name.startsWith(`${slot}-`)) return undefined;
  const [, role] = /^(next|old)-[0-9a-f]{8}$/.exec(name.slice(slot.length + 1)) ?? [];
  return role as Role | undefined;
}

/** Labels cannot be changed later: they say where a container comes from, never how it goes. */
export const labelNames = {
  service: "statigo.service",
  slot: "statigo.container",
  replaces: "statigo.replaces",
  /** Whether the replaced one was running: `yes` or `no`. */
  wasRunning: "statigo.replaces.running",
  tag: "statigo.tag",
  digest: "statigo.digest",
  deployment: "statigo.deployment",
} as const;

const ownLabels = new Set<string>(Object.values(labelNames));

type Labels = Readonly<Record<string, string>>;

export function withoutOwnLabels(labels: Labels): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !ownLabels.has(name)));
}

export interface Origin {
  service: string;
  slot: string;
  replaces: string;
  wasRunning: boolean;
  release: Release;
  deployment: number;
}

export function labelsFor({ service, slot, replaces, wasRunning, release, deployment }: Origin): Labels {
  return {
    [labelNames.service]: service,
    [labelNames.slot]: slot,
    [labelNames.replaces]: replaces,
    [labelNames.wasRunning]: wasRunning ? "yes" : "no",
    [labelNames.tag]: release.tag,
    ...(release.digest !== null && { [labelNames.digest]: release.digest }),
    [labelNames.deployment]: String(deployment),
  };
}
