import type { Config } from "./config/load.ts";

/** The config as it is now: who keeps a piece of it longer than a request does not see a reload. */
export interface LiveConfig {
  readonly current: Config;
}
