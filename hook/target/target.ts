import type { ZodType } from "zod";
import type { ImageSource } from "../../oci/image-source.ts";
import type { ImageName } from "../../oci/reference.ts";
import type { Fields } from "../config/fields.ts";
import type { RegistryOptions } from "../registry.ts";
import type { Deployment } from "../store/deployment.ts";

/** What a deployment that did not succeed has left the engine with. */
export type EngineState =
  /** The engine took nothing: what served before still serves. */
  | "unchanged"
  /** The engine has the new release, or was told of it and goes on with it. */
  | "changed"
  /** Nobody can say, for example because the answer did not arrive. */
  | "unknown";

export type Outcome =
  | {
      kind: "succeeded";
      summary: string;
      /** The engine has itself waited until the new release was healthy; otherwise it has only accepted it. */
      isConverged?: boolean;
      /** What the tag turned out to be, where nobody knew it before: it goes into the history, for a rollback. */
      digest?: string;
    }
  | {
      kind: "failed";
      /** Says what went wrong, where, and what to do next. */
      reason: string;
      /** Worth another try: the engine is away, answers 5xx, or somebody else was faster. */
      isTemporary?: boolean;
      /** `unknown` when left out. */
      engine?: EngineState;
    }
  /** The engine itself went back to what it had. */
  | { kind: "rolled-back"; reason: string };

/** What can be put back: the tag, and the digest where it is known. */
export interface Release {
  tag: string;
  digest: string | null;
}

/** Whether a target could do its work, found out without changing anything. */
export type CheckResult = { ok: true; detail: string } | { ok: false; problem: string };

export interface CheckContext {
  signal: AbortSignal;
}

export interface DeployContext extends CheckContext {
  /** Adds a line to the deployment's own log. */
  log(line: string): void;
  /** Aborted at the deadline, when a person cancels, and when the process hands the deployment over to its next start. */
  signal: AbortSignal;
  /** Of this try. */
  deadline: Date;
  /**
   * Keeps a few words on the disk for `recover`, should this process be killed; `undefined` forgets them. Resolves
   * when they are kept.
   */
  remember(note: string | undefined): Promise<void>;
}

/** A place to deploy to, configured for one service. */
export interface Target {
  name: string;
  /** How long one try may take. */
  timeoutMs: number;
  /** A folder that no other service may have. */
  ownFolder?: string;
  /** Those that it consists of, where a service has several. */
  parts?: readonly Target[];
  deploy(deployment: Deployment, context: DeployContext): Promise<Outcome>;
  /** Puts an earlier release back; left out when `deploy` with its tag does the same. */
  rollback?(to: Release, deployment: Deployment, context: DeployContext): Promise<Outcome>;
  /** What the engine has now; `undefined` when it has nothing of this service yet. */
  current?(context: CheckContext): Promise<Release | undefined>;
  check?(context: CheckContext): Promise<CheckResult>;
  /** Where it takes the image from, if it fetches it itself. */
  images?: { open(signal: AbortSignal): Promise<ImageSource> };
  /**
   * Ends what a killed process has left running, told by what `deploy` had it remember. Called before the deployment
   * is begun again.
   */
  recover?(note: string, deployment: Deployment, context: DeployContext): Promise<void>;
}

/** What a target may know of its service and its surroundings when it is configured. */
export interface TargetSetting {
  service: string;
  image: ImageName;
  /** The config file's directory: commands run in it. */
  directory: string;
  environment: Readonly<Record<string, string | undefined>>;
  /** What the service says about its image's registry. */
  registry?: RegistryOptions | undefined;
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
