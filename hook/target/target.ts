import type { ZodType } from "zod";
import type { Fields } from "../config/fields.ts";
import type { ImageName } from "../image-name.ts";
import type { Deployment } from "../store/deployment.ts";

export type Outcome =
  | { kind: "succeeded"; summary: string }
  /** The reason says what went wrong, where, and what to do next. */
  | { kind: "failed"; reason: string };

export interface DeployContext {
  /** Adds a line to the deployment's own log. */
  log(line: string): void;
  /** Aborted at the deadline, and when the process has to hand the deployment over to its next start. */
  signal: AbortSignal;
  deadline: Date;
}

/** A place to deploy to, configured for one service. */
export interface Target {
  name: string;
  timeoutMs: number;
  deploy(deployment: Deployment, context: DeployContext): Promise<Outcome>;
}

/** What a target may know of its service and its surroundings when it is configured. */
export interface TargetSetting {
  service: string;
  image: ImageName;
  /** The config file's directory: commands run in it. */
  directory: string;
  environment: Readonly<Record<string, string | undefined>>;
}

/** A kind of target: the shape of its options in the config and how one is made. Registered in `target/index.ts`. */
export interface TargetKind<Options> {
  name: string;
  schema(fields: Fields): ZodType<Options>;
  create(options: Options, setting: TargetSetting): Target;
}

/** Keeps the options' type between `schema` and `create` while the registry holds kinds of different options. */
export interface RegisteredTarget {
  name: string;
  schema(fields: Fields): ZodType<(setting: TargetSetting) => Target>;
}

export function registerTarget<Options>(kind: TargetKind<Options>): RegisteredTarget {
  return {
    name: kind.name,
    schema: (fields) =>
      kind.schema(fields).transform((options) => (setting: TargetSetting) => kind.create(options, setting)),
  };
}
