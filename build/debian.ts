/** The Debian packages that the build and the tests use: the one list, each with what it is there for. */
export interface DebianPackage {
  name: string;
  /** It counts as installed when this command is on PATH, or this file exists, whichever package brought it. */
  provides: string;
  neededFor: string;
}

export const debianPackages: readonly DebianPackage[] = [
  {
    name: "gcc",
    provides: "gcc",
    neededFor: "npm run build:native, and the wire tests on the native server",
  },
  { name: "musl-tools", provides: "musl-gcc", neededFor: "npm run build:native, and the image tests" },
  {
    name: "libc6-dev",
    provides: "/usr/include/stdio.h",
    neededFor: "the wire tests on the native server with sanitizers",
  },
  { name: "docker.io", provides: "dockerd", neededFor: "the tests that build and run images" },
  { name: "mmdebstrap", provides: "mmdebstrap", neededFor: "the local base images of the image tests" },
  { name: "busybox-static", provides: "busybox", neededFor: "the local base images of the image tests" },
  { name: "ca-certificates", provides: "update-ca-certificates", neededFor: "npm inside the image tests" },
  { name: "curl", provides: "curl", neededFor: "the README's and npm start's curl lines" },
  { name: "chromium", provides: "chromium", neededFor: "the tests that look at pages in a browser" },
];
