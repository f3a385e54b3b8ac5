import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseTemplate } from "../../../hook/config/template.ts";

const names = ["service", "tag", "reason"];

function filled(text: string, values: Record<string, string>, escapeValue?: (value: string) => string) {
  const parsed = parseTemplate(text, names);
  return "template" in parsed ? parsed.template.fill(values, escapeValue) : parsed.problems;
}

describe("a template", () => {
  const cases: [text: string, result: string][] = [
    ["nothing to fill in", "nothing to fill in"],
    [`\${service}`, "blog"],
    [`\${service} \${tag}\${service}`, "blog v1blog"],
    [`\${reason}`, ""],
    [`$\${service} is \${service}`, `\${service} is blog`],
    ["$service {service} $ {tag}", "$service {service} $ {tag}"],
  ];
  for (const [text, result] of cases) {
    test(`${text} gives ${JSON.stringify(result)}`, () =>
      assert.equal(filled(text, { service: "blog", tag: "v1" }), result));
  }

  test("does not look again at what it has put in", () => {
    assert.equal(filled(`\${tag}`, { tag: `\${service}$&$1`, service: "blog" }), `\${service}$&$1`);
  });

  test("escapes values and leaves the operator's own words alone", () => {
    assert.equal(
      filled(`<b>\${tag}</b>`, { tag: "<i>" }, (value) => value.replaceAll("<", "&lt;")),
      "<b>&lt;i></b>",
    );
  });

  test("with an unknown name is refused, and the nearest one named", () => {
    assert.deepEqual(filled(`\${tgs} \${constructor} \${tgs}`, {}), [
      `\${tgs} is not known here; did you mean \${tag}?`,
      `\${constructor} is not known here; known: \${service}, \${tag}, \${reason}`,
    ]);
    assert.deepEqual(filled(`\${service.name} \${}`, {}), [
      `\${service.name} is not known here; known: \${service}, \${tag}, \${reason}`,
      `\${} is not known here; known: \${service}, \${tag}, \${reason}`,
    ]);
  });
});
