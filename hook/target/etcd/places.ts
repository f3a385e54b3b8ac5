import { type KeyRange, keysUnder } from "../../etcd-api/keys.ts";

/** A name of a release under the prefix: a service's, or an image repository's. */
export const releaseName = /^[a-z0-9][a-z0-9._-]*(?:\/[a-z0-9][a-z0-9._-]*)*$/;

export const machineName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;

/** Where everything is in etcd. What is not a release has a key with a dot, which no release's name begins with. */
export interface Places {
  all: KeyRange;
  releases: KeyRange;
  release(name: string): string;
  nameOf(releaseKey: string): string;
  machines: KeyRange;
  machine(machine: string): string;
  /** How far the machines are with a release. */
  progressOf(name: string): KeyRange;
  progress(name: string, machine: string): string;
  /** Whoever has this key may replace containers of the release. */
  turn(name: string): string;
}

export function placesUnder(prefix: string): Places {
  const progressOf = (name: string) => `${prefix}/.progress/${encodeURIComponent(name)}/`;
  return {
    all: keysUnder(`${prefix}/`),
    releases: { key: `${prefix}/0`, end: `${prefix}0` },
    release: (name) => `${prefix}/${name}`,
    nameOf: (key) => key.slice(prefix.length + 1),
    machines: keysUnder(`${prefix}/.machines/`),
    machine: (machine) => `${prefix}/.machines/${machine}`,
    progressOf: (name) => keysUnder(progressOf(name)),
    progress: (name, machine) => `${progressOf(name)}${machine}`,
    turn: (name) => `${prefix}/.turn/${encodeURIComponent(name)}`,
  };
}
