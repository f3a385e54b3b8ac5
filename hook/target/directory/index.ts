import { join } from "node:path";
import { createServiceRegistry, openToAll } from "../../registry.ts";
import type { Target, TargetKind, TargetSetting } from "../target.ts";
import { checkDirectory } from "./check.ts";
import { currentRelease, type DirectoryPlan, deployRelease, rollBackTo } from "./deploy.ts";
import { type DirectoryOptions, directorySchema } from "./setting.ts";

/** Fetches the image itself, unpacks the site in it into a folder, and switches a link to it. No engine is needed. */
export const directory: TargetKind<DirectoryOptions> = { name: "directory", schema: directorySchema, create };

function create(options: DirectoryOptions, setting: TargetSetting): Target {
  const plan = planOf(options, setting);
  return {
    name: "directory",
    timeoutMs: options.timeout,
    ownFolder: plan.site.path,
    deploy: ({ tag, digest }, context) => deployRelease(plan, { tag, digest }, context),
    rollback: (to, _, context) => rollBackTo(plan, to, context),
    current: () => currentRelease(plan),
    check: (context) => checkDirectory(plan, context),
    ...("open" in plan.from && { images: plan.from }),
  };
}

function planOf(
  { folder, path, from, keep, limits }: DirectoryOptions,
  { service, image, directory: configDirectory, environment, registry }: TargetSetting,
): DirectoryPlan {
  const { layout, archive } = from ?? {};
  return {
    service,
    image: image.text,
    site: { path: folder ?? join(configDirectory, "sites", service) },
    isDefaultFolder: folder === undefined,
    path,
    from:
      layout !== undefined
        ? { layout }
        : archive !== undefined
          ? { archive, directory: configDirectory }
          : createServiceRegistry(registry ?? openToAll, { image, environment }),
    keep,
    limits,
  };
}
