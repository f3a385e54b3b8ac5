import { z } from "zod";
import { patternField } from "../config/pattern.ts";

export const gitlabEvents = ["pipeline", "job", "deployment", "release", "tag"] as const;
export type GitlabEvent = (typeof gitlabEvents)[number];

/** How a git ref becomes an image's tag, by the names that GitLab's own variables have. */
export const imageTags = ["ref", "ref-slug", "short-sha", "sha"] as const;
export type ImageTag = (typeof imageTags)[number];

/** `services.<name>.webhook.gitlab`: which of a GitLab project's events are releases, and of which tag. */
export interface GitlabSetting {
  on: readonly GitlabEvent[];
  imageTag: ImageTag;
  /** Branches whose pipelines and jobs count; without it only those of git tags do. */
  branches?: RegExp;
  /** The job whose success counts. */
  job?: string;
  environment?: string;
  /** `group/name`: for webhooks of a group, which bring the events of all its projects. */
  project?: string;
}

export const defaultGitlabSetting: GitlabSetting = { on: ["pipeline"], imageTag: "ref" };

const eventsField = z
  .union([z.enum(gitlabEvents), z.array(z.enum(gitlabEvents)).min(1)])
  .transform((events) => (typeof events === "string" ? [events] : events));

export const gitlabSchema: z.ZodType<GitlabSetting> = z
  .strictObject({
    on: eventsField
      .default([...defaultGitlabSetting.on])
      .describe(`the events that deploy, some of ${gitlabEvents.join(", ")}`),
    imageTag: z
      .enum(imageTags)
      .default(defaultGitlabSetting.imageTag)
      .describe(`what an image's tag is made from, one of ${imageTags.join(", ")}`),
    branches: patternField("a regular expression for the branches that deploy").optional(),
    job: z.string().min(1, "is empty").optional().describe("the job whose success deploys"),
    environment: z.string().min(1, "is empty").optional().describe("the environment that counts"),
    project: z.string().min(1, "is empty").optional().describe("the project's path, group/name"),
  })
  .refine(({ on, job }) => !on.includes("job") || job !== undefined, "on: job needs `job`, the job's name")
  .refine(
    ({ on, environment }) => !on.includes("deployment") || environment !== undefined,
    "on: deployment needs `environment`, such as production",
  )
  .transform(({ branches, job, environment, project, ...setting }) => ({
    ...setting,
    ...(branches !== undefined && { branches }),
    ...(job !== undefined && { job }),
    ...(environment !== undefined && { environment }),
    ...(project !== undefined && { project }),
  }));
