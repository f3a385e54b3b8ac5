/** An API version such as 1.41. */
export interface ApiVersion {
  major: number;
  minor: number;
}

/** The API this client is written for: what Engines since 19.03 (July 2019) speak, and what it was tested with last. */
export const oldestApi: ApiVersion = { major: 1, minor: 40 };
export const newestApi: ApiVersion = { major: 1, minor: 45 };

export function parseApiVersion(text: unknown): ApiVersion | undefined {
  const [, major, minor] = (typeof text === "string" && /^(\d{1,4})\.(\d{1,4})$/.exec(text)) || [];
  return major === undefined || minor === undefined
    ? undefined
    : { major: Number(major), minor: Number(minor) };
}

export function formatApiVersion({ major, minor }: ApiVersion): string {
  return `${major}.${minor}`;
}

export function compareApiVersions(a: ApiVersion, b: ApiVersion): number {
  return a.major - b.major || a.minor - b.minor;
}

/**
 * The newest version that both sides speak. An Engine that has dropped all of ours is asked in its oldest: versions
 * have added fields and rarely taken one away.
 */
export function chooseApiVersion(engine: {
  newest: ApiVersion;
  oldest: ApiVersion | undefined;
}): ApiVersion | undefined {
  if (compareApiVersions(engine.newest, oldestApi) < 0) return undefined;
  const chosen = compareApiVersions(engine.newest, newestApi) < 0 ? engine.newest : newestApi;
  const { oldest } = engine;
  return oldest !== undefined && compareApiVersions(oldest, chosen) > 0 ? oldest : chosen;
}
