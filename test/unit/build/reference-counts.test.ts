/** Which counts are taken out of the emitted C, and which have to stay. */
import { equal, match, throws } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { checkedScriptcVersion, dropNeedlessCounts, formProblem } from "../../../build/reference-counts.ts";

/** A program whose class Box has a field that its constructor sets, `fixed`, and one that others set, `free`. */
function program(body: string, head = "void sc_f_look(sc_o_Box *sc_l_this_0)"): string {
  return `static void sc_f_Box_constructor(sc_o_Box *sc_l_this_0) {
  sc_l_this_0->sc_fld_fixed = sc_t0;
}
static void sc_f_change(sc_o_Box *sc_l_this_0) {
  sc_l_this_0->sc_fld_free = sc_t0;
}
static void sc_f_x_init_1(void) {
  sc_g_one = sc_t0;
  sc_g_two = sc_t1;
}
static ${head} {
${body}
}
static void *sc_table[] = { &sc_f_look };
`;
}

function check(before: string, after: string): void {
  equal(dropNeedlessCounts(program(before)), program(after));
}

describe("a count is dropped of", () => {
  test("text of the program", () => {
    check(
      `  ScrStr *sc_t1 = scr_str_retain((ScrStr *)&sc_lit_3);
  sc_f_give(sc_t1);
  ScrStr *sc_t2 = scr_str_retain((ScrStr *)&sc_lit_4);
  bool sc_t3 = scr_str_eq(sc_t2, sc_t1);
  scr_str_release(sc_t2);`,
      `  ScrStr *sc_t1 = (ScrStr *)&sc_lit_3;
  sc_f_give(sc_t1);
  ScrStr *sc_t2 = (ScrStr *)&sc_lit_4;
  bool sc_t3 = scr_str_eq(sc_t2, sc_t1);`,
    );
  });

  test("a temporary for a local, also beyond a call", () => {
    check(
      `  sc_o_Box *sc_t1 = sc_retain_Box(sc_l_this_0);
  scr_run(sc_t1->sc_fld_number);
  if (scr_exc_pending()) {
    sc_release_Box(sc_t1);
    sc_release_Box(sc_l_this_0);
    return;
  }
  double sc_t2 = sc_t1->sc_fld_number;
  sc_release_Box(sc_t1);
  sc_release_Box(sc_l_this_0);`,
      `  sc_o_Box *sc_t1 = sc_l_this_0;
  scr_run(sc_t1->sc_fld_number);
  if (scr_exc_pending()) {
    sc_release_Box(sc_l_this_0);
    return;
  }
  double sc_t2 = sc_t1->sc_fld_number;
  sc_release_Box(sc_l_this_0);`,
    );
  });

  test("a field that constructors alone set, and a local for it", () => {
    check(
      `  sc_o_Box *sc_l_box_0 = NULL; /* box */
  sc_o_Box *sc_t1 = sc_l_this_0;
  sc_o_Box *sc_t2 = sc_retain_Box(sc_t1->sc_fld_fixed);
  sc_l_box_0 = sc_t2; /* main.ts:1 */
  scr_run();
  sc_o_Box *sc_t3 = sc_retain_Box(sc_l_box_0);
  double sc_t4 = sc_t3->sc_fld_number;
  sc_release_Box(sc_t3);
  sc_release_Box(sc_l_this_0);
  sc_release_Box(sc_l_box_0);`,
      `  sc_o_Box *sc_l_box_0 = NULL; /* box */
  sc_o_Box *sc_t1 = sc_l_this_0;
  sc_o_Box *sc_t2 = sc_t1->sc_fld_fixed;
  sc_l_box_0 = sc_t2; /* main.ts:1 */
  scr_run();
  sc_o_Box *sc_t3 = sc_l_box_0;
  double sc_t4 = sc_t3->sc_fld_number;
  sc_release_Box(sc_l_this_0);`,
    );
  });

  test("another field where nothing runs meanwhile", () => {
    check(
      `  ScrStr *sc_t1 = scr_str_retain(sc_l_this_0->sc_fld_free);
  bool sc_t2 = scr_str_eq(sc_t1, (ScrStr *)&sc_lit_3);
  scr_str_release(sc_t1);
  scr_run();`,
      `  ScrStr *sc_t1 = sc_l_this_0->sc_fld_free;
  bool sc_t2 = scr_str_eq(sc_t1, (ScrStr *)&sc_lit_3);
  scr_run();`,
    );
  });

  test("a global that is set once", () => {
    check(
      `  sc_o_Box *sc_t1 = sc_retain_Box(sc_g_one);
  scr_run(sc_t1);
  sc_release_Box(sc_t1);`,
      `  sc_o_Box *sc_t1 = sc_g_one;
  scr_run(sc_t1);`,
    );
  });

  test("an argument that is only looked at", () => {
    const callee = (release: string) => `static void sc_f_callee(sc_o_Box *sc_l_this_0, double sc_l_a_0) {
  double sc_t1 = sc_l_this_0->sc_fld_number;${release}
}
`;
    const before = `  sc_o_Box *sc_t1 = sc_retain_Box(sc_l_this_0);
  sc_f_callee(sc_t1, sc_t9); /* main.ts:1 */
  sc_o_Box *sc_t2 = scr_make();
  sc_f_callee(sc_t2, sc_t9);
  sc_release_Box(sc_l_this_0);`;
    const after = `  sc_o_Box *sc_t1 = sc_l_this_0;
  sc_f_callee(sc_t1, sc_t9); /* main.ts:1 */
  sc_o_Box *sc_t2 = scr_make();
  sc_f_callee(sc_t2, sc_t9);
sc_release_Box(sc_t2);
  sc_release_Box(sc_l_this_0);`;
    equal(
      dropNeedlessCounts(callee("\n  sc_release_Box(sc_l_this_0);") + program(before)),
      callee("") + program(after),
    );
  });
});

describe("a count stays of", () => {
  const kept: readonly (readonly [string, string])[] = [
    [
      "a field that a call may set",
      `  ScrStr *sc_t1 = scr_str_retain(sc_l_this_0->sc_fld_free);
  scr_run();
  scr_print(sc_t1);
  scr_str_release(sc_t1);`,
    ],
    [
      "a field that is handed to a call which may set it",
      `  ScrStr *sc_t1 = scr_str_retain(sc_l_this_0->sc_fld_free);
  scr_run(sc_t1);
  scr_str_release(sc_t1);`,
    ],
    [
      "a field that is set in a loop before it is looked at again",
      `  ScrStr *sc_t1 = scr_str_retain(sc_l_this_0->sc_fld_free);
  for (;;) {
    bool sc_t2 = scr_str_eq(sc_t1, (ScrStr *)&sc_lit_3);
    if (sc_t2) break;
    scr_run();
  }
  scr_str_release(sc_t1);`,
    ],
    [
      "a field whose owner is given back first",
      `  sc_o_Box *sc_t1 = scr_make();
  sc_o_Box *sc_t2 = sc_retain_Box(sc_t1->sc_fld_fixed);
  sc_release_Box(sc_t1);
  double sc_t3 = sc_t2->sc_fld_number;
  sc_release_Box(sc_t2);`,
    ],
    [
      "a local that is set anew",
      `  sc_o_Box *sc_t1 = sc_retain_Box(sc_l_box_0);
  if (sc_t9) {
    sc_l_box_0 = sc_t8;
  }
  double sc_t2 = sc_t1->sc_fld_number;
  sc_release_Box(sc_t1);`,
    ],
    [
      "a local that is given back before",
      `  sc_o_Box *sc_t1 = sc_retain_Box(sc_l_box_0);
  sc_release_Box(sc_l_box_0);
  double sc_t2 = sc_t1->sc_fld_number;
  sc_release_Box(sc_t1);`,
    ],
    [
      "what is handed on",
      `  sc_o_Box *sc_t1 = sc_retain_Box(sc_l_this_0);
  sc_f_look(sc_t1);
  sc_o_Box *sc_t2 = sc_retain_Box(sc_l_this_0);
  return sc_t2;`,
    ],
    [
      "a local with two values",
      `  sc_o_Box *sc_t1 = sc_retain_Box(sc_l_this_0->sc_fld_fixed);
  sc_l_box_0 = sc_t1;
  sc_o_Box *sc_t2 = scr_make();
  sc_l_box_0 = sc_t2;
  sc_release_Box(sc_l_box_0);`,
    ],
  ];
  for (const [title, body] of kept) test(title, () => check(body, body));

  test("a global that is set twice", () => {
    const body = `  sc_o_Box *sc_t1 = sc_retain_Box(sc_g_two);
  scr_run(sc_t1);
  sc_release_Box(sc_t1);`;
    const other = "static void sc_f_other(void) {\n  sc_g_two = sc_t0;\n}\n";
    equal(dropNeedlessCounts(other + program(body)), other + program(body));
  });

  test("an argument of a function that is also called through a pointer", () => {
    const body = `  sc_o_Box *sc_t1 = sc_retain_Box(sc_l_this_0);
  sc_f_look(sc_t1);
  sc_release_Box(sc_l_this_0);`;
    check(body, body);
  });

  test("an argument that is kept", () => {
    const callee = `static void sc_f_keep(sc_o_Box *sc_l_this_0) {
  sc_t1->sc_fld_free = sc_l_this_0;
}
`;
    const body = `  sc_o_Box *sc_t1 = sc_retain_Box(sc_l_this_0);
  sc_f_keep(sc_t1);
  sc_release_Box(sc_l_this_0);`;
    equal(dropNeedlessCounts(callee + program(body)), callee + program(body));
  });
});

describe("C of another form than the known one", () => {
  const emitted = program(
    `  ScrStr *sc_t1 = scr_str_retain((ScrStr *)&sc_lit_3);
  sc_f_give(sc_t1);`,
  );
  const dropped = dropNeedlessCounts(emitted);

  test("is told apart from the known one", () => {
    equal(formProblem(checkedScriptcVersion, emitted, dropped), "");
  });

  test("is that of another scriptc, of which the error says what to do", () => {
    match(
      formProblem("0.2.0", emitted, dropped),
      /scriptc is 0\.2\.0, and the C of .* is what it knows.*--sanitize.*checkedScriptcVersion.*--keep-counts/,
    );
  });

  test("has counts that are not found, or found and not dropped", () => {
    const renamed = emitted.replaceAll("_retain(", "_keep(");
    match(formProblem(checkedScriptcVersion, renamed, dropNeedlessCounts(renamed)), /no counted temporary/);
    match(formProblem(checkedScriptcVersion, emitted, emitted), /1 of 1 counted temporaries are left/);
  });

  test("has functions without an end", () => {
    throws(() => dropNeedlessCounts("static void sc_f_look(void) {\n  return; }"), /no end of a known form/);
  });

  test("comes with a new scriptc: the installed one is the one that was checked", () => {
    const { devDependencies } = JSON.parse(readFileSync("package.json", "utf8"));
    equal(devDependencies.scriptc, checkedScriptcVersion, "see build/reference-counts.ts for what to do");
  });
});
