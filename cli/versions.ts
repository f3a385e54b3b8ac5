import { statSync } from "node:fs";
import { serverPlatforms } from "../oci/make/server-platform.ts";
import packageJson from "../package.json" with { type: "json" };
import { findNativeProgram } from "./image/native-program.ts";
import { formatSize } from "./size.ts";

/** A line for each part, its name first. */
export function describeVersions(): string {
  const { version, devDependencies } = packageJson;
  const native = serverPlatforms.map(({ os, architecture, program }) => {
    const size = statSync(findNativeProgram(program), { throwIfNoEntry: false })?.size;
    return `native ${os}/${architecture} ${size === undefined ? "not built" : `${version}, ${formatSize(size)}`}`;
  });
  return [
    `statigo ${version}`,
    `server ${version}`,
    ...native,
    `scriptc ${devDependencies.scriptc}, which compiles the native ones`,
    `hook ${version}`,
    `node ${process.versions.node}\n`,
  ].join("\n");
}
