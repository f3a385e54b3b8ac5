import assert from "node:assert/strict";
import { test } from "node:test";
import { debianSources } from "../../support/apt-sources.ts";

const expected = `Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian.gpg

Types: deb
URIs: http://mirror.example/debian-security/
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian.gpg
`;

test("deb822 sources keep their mirror and key and get the suite asked for", () => {
  const text = `Types: deb deb-src
# http://other.example/debian
URIs: http://mirror.example/debian
Suites: trixie trixie-updates trixie-backports
Components: main
Signed-By: /usr/share/keyrings/debian.gpg

Types: deb
URIs: http://mirror.example/debian-security/
Suites: trixie-security
Components: main
Signed-By: /usr/share/keyrings/debian.gpg
`;
  assert.equal(debianSources([text], "bookworm"), expected);
});

test("one-line sources become the same stanzas, one for an archive and not one for each of its suites", () => {
  const text = `# the machine's archive
deb [arch=amd64 signed-by=/usr/share/keyrings/debian.gpg] http://mirror.example/debian trixie main
deb-src http://mirror.example/debian trixie main
deb [signed-by=/usr/share/keyrings/debian.gpg] http://mirror.example/debian trixie-updates main # more
deb [signed-by=/usr/share/keyrings/debian.gpg] http://mirror.example/debian-security/ trixie-security main
`;
  assert.equal(debianSources([text], "bookworm"), expected);
});

test("other vendors' archives and disabled stanzas are left out", () => {
  const vendor = "deb [signed-by=/k.gpg] https://packages.example/apt tools-bookworm main\n";
  const deb822 = "Types: deb\nURIs: https://packages.example/node_20.x\nSuites: any\nComponents: main\n";
  const disabled =
    "Enabled: no\nTypes: deb\nURIs: http://mirror.example/debian\nSuites: x\nComponents: main\n";
  assert.equal(debianSources([vendor, deb822, disabled], "bookworm"), "");
});
