import { expect, test } from "vitest";
import { substitute } from "../../builder/dockerfile/substitute.ts";

const variables = new Map([
  ["PWD", "/home"],
  ["EMPTY", ""],
  ["WORDS", "a  b c"],
  ["KOREAN", "한국어"],
  ["PATHS", "/usr/local/bin"],
  ["FILE", "archive.tar.gz"],
  ["STARS", "a*b*c"],
]);

/** word, expansion */
const rows: readonly (readonly [string, string])[] = [
  ["", ""],
  ["he'll'o", "hello"],
  ["he'llo\\'", "hello\\"],
  ['he"llo"', "hello"],
  ['he"l\\"lo"', 'hel"lo'],
  ["hell\\o", "hello"],
  ["hell\\\\o", "hell\\o"],
  ['"he\\o"', "he\\o"],
  ['"he\\$PWD"', "he$PWD"],
  ["'$PWD'", "$PWD"],
  ['"$PWD"', "/home"],
  ["\\$PWD", "$PWD"],
  ["\\$KOREAN", "$KOREAN"],
  ["$PWD", "/home"],
  ["${PWD}x", "/homex"],
  ["$PWDx", ""],
  ["a$", "a$"],
  ["a$.b", "a$.b"],
  ["$1x", "x"],
  ["$KOREAN/$PWD", "한국어//home"],
  ["안녕\\$PWD", "안녕$PWD"],
  ["${UNSET}", ""],
  ["${UNSET:-d}", "d"],
  ["${EMPTY:-d}", "d"],
  ["${EMPTY-d}", ""],
  ["${UNSET-d}", "d"],
  ["${PWD:-d}", "/home"],
  ["${UNSET:-${PWD}}", "/home"],
  ["${UNSET:-${OTHER:-deep}}", "deep"],
  ["${UNSET:-'a b'}", "a b"],
  ["${UNSET:-}", ""],
  ["${PWD:+alt}", "alt"],
  ["${EMPTY:+alt}", ""],
  ["${EMPTY+alt}", "alt"],
  ["${UNSET+alt}", ""],
  ["${PWD:+${KOREAN}}", "한국어"],
  ["${PWD:?no}", "/home"],
  ["${EMPTY?no}", ""],
  ["${PATHS#/*/}", "local/bin"],
  ["${PATHS##*/}", "bin"],
  ["${PATHS%/*}", "/usr/local"],
  ["${PATHS%%/*}", ""],
  ["${FILE%.gz}", "archive.tar"],
  ["${FILE%%.*}", "archive"],
  ["${FILE#archive?}", "tar.gz"],
  ["${STARS#a\\*}", "b*c"],
  ["${STARS%\\**}", "a*b"],
  ["${FILE/tar/zip}", "archive.zip.gz"],
  ["${FILE/./}", "archivetar.gz"],
  ["${FILE//./-}", "archive-tar-gz"],
  ["${PATHS//\\//:}", ":usr:local:bin"],
  ["${FILE/*./x}", "xgz"],
  ["${FILE//a?/_}", "_chive.t_.gz"],
  ["${UNSET#x}", ""],
  ["'${PWD'", "${PWD"],
];

test.each(rows)("%s expands to %s", (word, wanted) => {
  expect(substitute(word, variables, { escape: "\\" }).text).toBe(wanted);
});

const failures: readonly (readonly [string, RegExp])[] = [
  ["${", /missing '}'/],
  ["${PWD", /missing '}'/],
  ["${}", /bad substitution/],
  ["${:x}", /bad substitution/],
  ["${{x}", /bad substitution/],
  ["${PWD:1}", /unsupported modifier \(:1\)/],
  ["${PWD^^}", /unsupported modifier/],
  ["${PWD:#x}", /unsupported modifier/],
  ["${UNSET?}", /UNSET: is not allowed to be unset/],
  ["${EMPTY:?}", /EMPTY: is not allowed to be empty/],
  ["${UNSET:?because}", /UNSET: because/],
  ["${FILE/x}", /missing '\/'/],
  ["${STARS#\\a}", /invalid escape/],
  ["'open", /single quote/],
  ['"open', /double quote/],
];

test.each(failures)("%s is refused", (word, message) => {
  expect(() => substitute(word, variables, { escape: "\\" })).toThrow(message);
});

const split: readonly (readonly [string, readonly string[]])[] = [
  ["$WORDS", ["a", "b", "c"]],
  ['"$WORDS"', ["a  b c"]],
  ["x$WORDS", ["xa", "b", "c"]],
  ["a\\ b c", ["a b", "c"]],
  ["'a b'\"c d\"", ["a bc d"]],
  ["  a   b ", ["a", "b"]],
  ["$EMPTY", []],
];

test.each(split)("%s falls into words", (word, wanted) => {
  expect(substitute(word, variables, { escape: "\\" }).words).toEqual(wanted);
});

test("A backtick escapes when the file says so", () => {
  expect(substitute("`$PWD\\x", variables, { escape: "`" }).text).toBe("$PWD\\x");
});

test("Bodies of heredocs keep their quotes", () => {
  expect(substitute("'$PWD' \"\\$PWD\"\n", variables, { escape: "\\", keepQuotes: true }).text).toBe("'/home' \"$PWD\"\n");
});

test("Names without a value are told", () => {
  expect([...substitute("$UNSET ${PWD} ${OTHER:-x}", variables, { escape: "\\" }).unset]).toEqual(["UNSET", "OTHER"]);
});

test("What would grow without end, or nest too deeply, is refused at once", () => {
  const long = new Map([["A", "x".repeat(1 << 19)]]);
  expect(() => substitute("$A$A$A", long, { escape: "\\" })).toThrow("it becomes longer than 1048576 characters");
  expect(() => substitute("${a:-".repeat(5000), new Map(), { escape: "\\" })).toThrow("it is nested too deeply");
});

test("Many stars are matched at once", () => {
  const value = new Map([["V", "a".repeat(5000)]]);
  const stars = "*a".repeat(40);
  const options = { escape: "\\" };
  expect(substitute(`\${V#${stars}b}`, value, options).text).toHaveLength(5000);
  expect(substitute(`\${V/${stars}b/x}`, value, options).text).toHaveLength(5000);
  expect(substitute(`\${V#${stars}}`, value, options).text).toHaveLength(4960);
  expect(substitute(`\${V##${stars}}`, value, options).text).toBe("");
});
