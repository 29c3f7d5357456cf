import { expect, test } from "vitest";
import { compileMatch } from "../../../builder/context/go-match.ts";
import { compileRules, parseIgnoreFile } from "../../../builder/context/ignore.ts";

/** rules, path, ignored */
const rows: readonly (readonly [readonly string[], string, boolean])[] = [
  [["**"], "file", true],
  [["**"], "dir/file", true],
  [["**/"], "dir/file", true],
  [["**/**"], "dir/file", true],
  [["dir/**"], "dir/file", true],
  [["dir/**"], "dir/dir2/file", true],
  [["dir/**"], "dir", false],
  [["**/dir"], "dir", true],
  [["**/dir"], "dir/file", true],
  [["**/dir2/*"], "dir/dir2/file", true],
  [["**/dir2/**"], "dir/dir2/dir3/file", true],
  [["**file"], "file", true],
  [["**file"], "dir/dir/file", true],
  [["**/file"], "file", true],
  [["**/file"], "dir/dir/file", true],
  [["**/file*"], "dir/dir/file.txt", true],
  [["**/file*txt"], "dir/dir/file.txt", true],
  [["**/file*.txt*"], "dir/dir/file.txt.bak", true],
  [["**/*.txt"], "file.txt", true],
  [["**/*.txt"], "dir/file.txt", true],
  [["a**/*.txt"], "a/file.txt", true],
  [["a**/*.txt"], "a/dir/file.txt", true],
  [["a**/*.txt"], "b/file.txt", false],
  [["a/*.txt"], "a/dir/file.txt", false],
  [["a/*.txt"], "a/file.txt", true],
  [["a[b-d]e"], "ace", true],
  [["a[b-d]e"], "aae", false],
  [["a[^b-d]e"], "aze", true],
  [["a\\*b"], "a*b", true],
  [["a\\*b"], "axb", false],
  [["a?b"], "axb", true],
  [["a?b"], "a/b", false],
  [["abc.def"], "abcdef", false],
  [["abc.def"], "abcZdef", false],
  [["abc?def"], "abcZdef", true],
  [["**/foo/bar"], "foo/bar", true],
  [["**/foo/bar"], "dir/foo/bar", true],
  [["**/foo/bar"], "dir/foo/bar/baz", true],
  [["abc/**"], "abc/def/ghi", true],
  [["**/.foo"], ".foo", true],
  [["**/.foo"], "bar.foo", false],
  [["**.foo"], "bar.foo", true],
  [["a(b)c/def"], "a(b)c/def", true],
  [["a.|)$(}+{bc"], "a.|)$(}+{bc", true],
  [["dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl"], "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl", true],
  [["docs", "!docs/README.md"], "docs/README.md", false],
  [["docs", "!docs/README.md"], "docs/other", true],
  [["docs/", "!docs/README.md"], "docs/x", true],
  [["docs/**", "!docs/README.md"], "docs/README.md", false],
  [["*", "!a"], "a", false],
  [["*", "!a"], "a/b", false],
  [["*", "!a/b"], "a/b", false],
  [["*", "!a/b"], "a/c", true],
  [["*.md", "!README*.md", "README-secret.md"], "README-secret.md", true],
  [["*.md", "README-secret.md", "!README*.md"], "README-secret.md", false],
  [["!x"], "x", false],
  [["a"], "ab", false],
  [["a"], "b/a", false],
  [["a/b"], "a", false],
  [["."], "a", false],
  [["a/../b"], "b", true],
  [["*/temp*"], "some/temporary.txt", true],
  [["*/*/temp*"], "some/sub/temporary", true],
  [["temp?"], "tempa", true],
  [["temp?"], "temp", false],
];

test.each(rows)("%j and %s: %s", (rules, path, wanted) => {
  expect(compileRules(rules).ignores(path)).toBe(wanted);
});

test("Bad patterns are refused", () => {
  expect(() => compileRules(["!"])).toThrow(/illegal exclusion pattern/);
  expect(() => compileRules(["["])).toThrow(/syntax error in pattern/);
  expect(() => compileRules(["a[b-"])).toThrow(/syntax error in pattern/);
});

test("An ignore file is read as Docker reads it", () => {
  const text = "\uFEFF# comment\n\n  a/b/ \n/rooted\n! /kept/\n #not-a-comment\n./x/../y\n/\r\n";
  expect(parseIgnoreFile(text)).toEqual(["a/b", "rooted", "!kept", "#not-a-comment", "y", "/"]);
});

/** pattern, name, matches: as Go's path/filepath.Match */
const matches: readonly (readonly [string, string, boolean])[] = [
  ["*", ".dot", true],
  ["*c", "abc", true],
  ["a*", "ab/c", false],
  ["a*b?c*x", "abxbbxdbxebxczzx", true],
  ["a*b?c*x", "abxbbxdbxebxczzy", false],
  ["ab[c]", "abc", true],
  ["ab[b-d]", "abc", true],
  ["ab[e-g]", "abc", false],
  ["ab[^c]", "abc", false],
  ["ab[^e-g]", "abc", true],
  ["a\\*b", "a*b", true],
  ["a\\*b", "ab", false],
  ["[[]x", "[x", true],
  ["[\\]a]", "]", true],
  ["[\\-]", "-", true],
  ["[x\\-]", "x", true],
  ["*x", "xxx", true],
  ["[a-ζ]*", "α", true],
  ["*[a-ζ]", "A", false],
];

test.each(matches)("%s matches %s: %s", (pattern, name, wanted) => {
  expect(compileMatch(pattern)(name)).toBe(wanted);
});

test.each(["[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "[", "[^", "[^bc", "a[", "a\\"])("%s is malformed", (pattern) => {
  expect(() => compileMatch(pattern)).toThrow(/syntax error in pattern/);
});

test("Many stars are matched at once", () => {
  const name = "a".repeat(200);
  const stars = "*a".repeat(60);
  expect([compileMatch(`${stars}b`)(name), compileMatch(stars)(name), compileMatch(`${"*".repeat(5000)}a`)(name)]).toEqual([false, true, true]);
  expect([compileRules([`x/${stars}b`]).ignores(`x/${name}`), compileRules([`**/${stars}*/y`]).ignores(`x/${name}/y`)]).toEqual([false, true]);
});

test.each([
  ["a*b*c", "axbxbxc", true],
  ["a*b*c", "axbxb", false],
  ["*b?*c", "bbxc", true],
  ["a*ab*b", "aab", false],
  ["a*ab*b", "aaabb", true],
  ["*[ab]*1", "xa01", true],
] as const)("%s and %s", (pattern, name, wanted) => expect(compileMatch(pattern)(name)).toBe(wanted));
