import fc from "fast-check";
import { expect, test } from "vitest";
import { compileMatch } from "../../../builder/context/go-match.ts";
import { compileRules, type Marks } from "../../../builder/context/ignore.ts";

const RUNS = { seed: 20260101, numRuns: 3000 };

/** The plainest matcher there is: every way to share the text out among the pattern's parts is tried. */
function matches(pattern: string, text: string, deep: boolean): boolean {
  if (pattern === "") return text === "";
  if (deep && pattern.startsWith("**/")) {
    const rest = pattern.slice(3);
    if (matches(rest, text, deep)) return true;
    for (let at = text.indexOf("/"); at >= 0; at = text.indexOf("/", at + 1)) if (matches(rest, text.slice(at + 1), deep)) return true;
    return false;
  }
  if (deep && pattern === "**") return true;
  if (pattern.startsWith("*")) return matches(pattern.slice(1), text, deep) || (text !== "" && !text.startsWith("/") && matches(pattern, text.slice(1), deep));
  if (text === "") return false;
  if (pattern.startsWith("?")) return !text.startsWith("/") && matches(pattern.slice(1), text.slice(1), deep);
  if (pattern.startsWith("[ab]")) return /^[ab]/.test(text) && matches(pattern.slice(4), text.slice(1), deep);
  return pattern[0] === text[0] && matches(pattern.slice(1), text.slice(1), deep);
}

const element = fc.array(fc.constantFrom("a", "b", "*", "?", "[ab]", "c"), { minLength: 1, maxLength: 5 }).map((parts) => parts.join("").replaceAll("**", "*"));
const name = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 5 }).map((letters) => letters.join(""));
const path = fc.array(name, { minLength: 1, maxLength: 5 }).map((names) => names.join("/"));
/** With `**` as elements of their own, which is where everybody agrees. */
const pattern = fc
  .array(fc.oneof({ weight: 3, arbitrary: element }, { weight: 2, arbitrary: fc.constant("**") }), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join("/"));

test("Names match as the plainest matcher says", () => {
  fc.assert(
    fc.property(element, name, (one, text) => {
      expect(compileMatch(one)(text)).toBe(matches(one, text, false));
    }),
    RUNS,
  );
});

test("A rule leaves out a path when it matches it or a folder on its way, as the plainest matcher says", () => {
  fc.assert(
    fc.property(pattern, path, (rule, text) => {
      const parts = text.split("/");
      const way = parts.map((_, at) => parts.slice(0, at + 1).join("/"));
      expect(compileRules([rule]).ignores(text)).toBe(way.some((step) => matches(rule, step, true)));
    }),
    RUNS,
  );
});

test("The last rule that matches wins, and is the one that is named", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), name), { maxLength: 6 }), name, (rules, text) => {
      const wanted = rules.findLastIndex(([, one]) => one === text);
      const compiled = compileRules(rules.map(([keeps, one]) => (keeps ? `!${one}` : one)));
      const isIgnored = wanted >= 0 && rules[wanted]?.[0] === false;
      expect(compiled.ignores(text)).toBe(isIgnored);
      const by = compiled.ignoredBy(text);
      expect(isIgnored ? rules[by!] : by).toEqual(isIgnored ? [false, text] : undefined);
    }),
    RUNS,
  );
});

test("Whatever a pattern is made of, it is read or refused, and a walk gives what a look at the path alone gives", () => {
  const junk = fc.string({ unit: fc.constantFrom("a", "*", "/", "[", "]", "^", "-", "\\", "!", ".", "?", " ", "(", "+", "é", "😀"), maxLength: 20 });
  fc.assert(
    fc.property(fc.array(junk, { maxLength: 4 }), path, (rules, text) => {
      let compiled;
      try {
        compiled = compileRules(rules);
      } catch (error) {
        expect((error as Error).message).toMatch(/syntax error in pattern|illegal exclusion pattern/);
        return;
      }
      let marks: Marks | undefined;
      let ignored = false;
      const parts = text.split("/");
      parts.forEach((_, at) => ({ ignored, marks } = compiled.step(parts.slice(0, at + 1).join("/"), marks)));
      expect(ignored).toBe(compiled.ignores(text));
    }),
    RUNS,
  );
});

test("Patterns made to be tried without end are answered at once", () => {
  const deep = `${"a/".repeat(600)}a`;
  expect(compileRules([`${"**/a/".repeat(40)}b`]).ignores(deep)).toBe(false);
  expect(compileRules([`${"**/*a*/".repeat(40)}b`]).ignores(deep)).toBe(false);
  expect(compileRules([`${"**/".repeat(500)}b`]).ignores(deep)).toBe(false);
  expect(compileRules([`x${"*a".repeat(100)}/${"**/a*/".repeat(20)}c`]).ignores(`x${"a".repeat(250)}/${deep}`)).toBe(false);
  expect(compileRules([`${"**/a/".repeat(40)}a`]).ignores(deep)).toBe(true);
});
