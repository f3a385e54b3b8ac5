import { ImageError } from "../image-error.ts";
import type { Platform } from "../manifest.ts";

/** A platform that our server runs on. */
export interface ServerPlatform extends Platform {
  /** The server's file name in the folder of native builds. */
  program: string;
  buildCommand: string;
}

/** One line for each platform that build/native.ts builds for. */
export const serverPlatforms: readonly ServerPlatform[] = [
  {
    os: "linux",
    architecture: "amd64",
    variant: "",
    program: "statigo",
    buildCommand: "npm run build:native",
  },
  {
    os: "linux",
    architecture: "arm64",
    variant: "",
    program: "linux-arm64/statigo",
    buildCommand: "npm run build:native -- --arm64",
  },
];

/** `linux/amd64`, or `amd64` alone. */
export function findServerPlatform(text: string): ServerPlatform {
  const found = serverPlatforms.find(
    ({ os, architecture }) => text === `${os}/${architecture}` || text === architecture,
  );
  if (found !== undefined) return found;
  const names = serverPlatforms.map(({ os, architecture }) => `${os}/${architecture}`).join(", ");
  throw new ImageError(
    `the server is not built for '${text}', only for ${names}; --from takes another base image`,
  );
}
