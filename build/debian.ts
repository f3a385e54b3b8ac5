/** The Debian packages that the build and the tests use: the one list, each with what it is there for. */
export interface DebianPackage {
  name: string;
  /** It counts as installed when this command is on PATH, whichever package brought it. */
  command: string;
  neededFor: string;
}

export const debianPackages: readonly DebianPackage[] = [
  { name: "gcc", command: "gcc", neededFor: "npm run build:native, and the wire tests on the native server" },
  { name: "musl-tools", command: "musl-gcc", neededFor: "npm run build:native, and the image tests" },
  { name: "docker.io", command: "dockerd", neededFor: "the tests that build and run images" },
  { name: "mmdebstrap", command: "mmdebstrap", neededFor: "the local base images of the image tests" },
  { name: "busybox-static", command: "busybox", neededFor: "the local base images of the image tests" },
  { name: "ca-certificates", command: "update-ca-certificates", neededFor: "npm inside the image tests" },
  { name: "curl", command: "curl", neededFor: "the README's and npm start's curl lines" },
  { name: "chromium", command: "chromium", neededFor: "the tests that look at pages in a browser" },
];
