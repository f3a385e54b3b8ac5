import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { findSource, findVerifier, sources } from "../../../hook/source/index.ts";
import { defaultSetting } from "../../../hook/source/setting.ts";
import { listFixtures, readFixture, requestOf } from "../../support/webhooks.ts";

describe("a webhook's sender", () => {
  for (const { name: source } of sources) {
    test(`is found to be ${source} by each of its webhooks`, () => {
      const fixtures = listFixtures(source);
      assert.ok(fixtures.length > 0);
      for (const name of fixtures) {
        const request = requestOf(readFixture(source, name));
        assert.equal(findSource(request, defaultSetting)?.name, source, name);
      }
    });
  }

  test("is the same before the body was parsed, wherever it is known by then", () => {
    for (const { name: source, verify } of sources) {
      for (const name of listFixtures(source)) {
        const found = findVerifier(requestOf(readFixture(source, name)), defaultSetting)?.name;
        const expected = verify === undefined ? undefined : source;
        assert.ok(found === undefined || found === expected, `${source}/${name} is ${found}`);
      }
    }
  });

  test("is the one that the config fixes, whatever the webhook looks like", () => {
    for (const { name: source } of sources) {
      const setting = { ...defaultSetting, source };
      assert.equal(findSource(requestOf(readFixture("docker-hub", "tag-push")), setting)?.name, source);
    }
  });

  test("has one name each, which no other has", () => {
    assert.equal(new Set(sources.map(({ name }) => name)).size, sources.length);
  });
});
