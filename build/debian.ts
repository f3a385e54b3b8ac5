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
    name: "gcc-aarch64-linux-gnu",
    provides: "aarch64-linux-gnu-gcc",
    neededFor: "npm run build:native -- --arm64, and its tests",
  },
  { name: "qemu-user", provides: "qemu-aarch64", neededFor: "the tests of the server for arm64" },
  { name: "zsh", provides: "zsh", neededFor: "the tests of what zsh completes" },
  { name: "fish", provides: "fish", neededFor: "the tests of what fish completes" },
  {
    name: "libc6-dev",
    provides: "/usr/include/stdio.h",
    neededFor: "the wire tests on the native server with sanitizers",
  },
  { name: "docker.io", provides: "dockerd", neededFor: "the tests that build and run images" },
  {
    name: "docker-compose",
    provides: "docker-compose",
    neededFor: "the tests that start what statigo init writes for Compose",
  },
  {
    name: "iproute2",
    provides: "ip",
    neededFor: "the tests with several Docker daemons, each in a network of its own",
  },
  { name: "mmdebstrap", provides: "mmdebstrap", neededFor: "the local base images of the image tests" },
  { name: "busybox-static", provides: "busybox", neededFor: "the local base images of the image tests" },
  { name: "ca-certificates", provides: "update-ca-certificates", neededFor: "npm inside the image tests" },
  { name: "curl", provides: "curl", neededFor: "the README's and npm start's curl lines" },
  {
    name: "docker-registry",
    provides: "docker-registry",
    neededFor: "the tests that ask a registry, and that are pushed to by one",
  },
  { name: "etcd-server", provides: "etcd", neededFor: "the tests of the etcd target and of its agents" },
  { name: "podman", provides: "podman", neededFor: "the tests of images made without an engine" },
  { name: "skopeo", provides: "skopeo", neededFor: "the tests of images made without an engine" },
  { name: "openssl", provides: "openssl", neededFor: "the certificates of the registry tests" },
  {
    name: "prometheus",
    provides: "promtool",
    neededFor: "the tests of the hook's metrics, alert rules and dashboard",
  },
  {
    name: "prometheus-alertmanager",
    provides: "prometheus-alertmanager",
    neededFor: "the tests of the hook's alerts",
  },
  {
    name: "python3-aiosmtpd",
    provides: "/usr/lib/python3/dist-packages/aiosmtpd/main.py",
    neededFor: "the tests of the hook's mails",
  },
  {
    name: "faketime",
    provides: "faketime",
    neededFor: "the tests of the hook with a clock that jumps",
  },
  {
    name: "systemd",
    provides: "systemd-analyze",
    neededFor: "the tests of the units that statigo init writes",
  },
  { name: "git", provides: "git", neededFor: "the tests of the GitLab CI file that statigo init writes" },
  { name: "chromium", provides: "chromium", neededFor: "the tests that look at pages in a browser" },
];
