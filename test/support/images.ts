/** Our own images, built from the repository's Dockerfiles. */
import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import type { Build, Docker } from "./docker.ts";

export const root = resolve(import.meta.dirname, "../..");

/**
 * The tag that the tests give an image: not one that a user's daemon may hold already, and not another clone's. The
 * images stay, because with them the next run's builds are cached.
 */
export function testTag(name: string): string {
  return `statigo-test/${name}:${createHash("sha256").update(root).digest("hex").slice(0, 8)}`;
}

export async function buildBaseImage(
  docker: Docker,
  args: Readonly<Record<string, string>> = {},
): Promise<string> {
  const tag = testTag("base");
  await docker.build({ context: root, file: "Dockerfile.base", tag, args });
  return tag;
}

export async function buildTemplateImage(
  docker: Docker,
  template: string,
  builder: NonNullable<Build["builder"]>,
): Promise<string> {
  const tag = testTag(`${template}-${builder}`);
  const args = { STATIGO: testTag("base") };
  await docker.build({ context: join(root, "templates", template), tag, args, builder });
  return tag;
}

export async function sizeOf(docker: Docker, image: string): Promise<number> {
  return Number(await docker.run(["image", "inspect", "--format", "{{.Size}}", image]));
}
