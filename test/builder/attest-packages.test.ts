/** Package managers' records, each in its table of what must be found in them. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { buildInfo } from "../../builder/attest/go-build-info.ts";
import { licenseExpression } from "../../builder/attest/license.ts";
import { packageUrl, type FoundPackage } from "../../builder/attest/package.ts";
import { parseApk } from "../../builder/attest/parse-apk.ts";
import { parseDpkg } from "../../builder/attest/parse-dpkg.ts";
import { parsePackageJson, parsePackageLock } from "../../builder/attest/parse-npm.ts";
import { parsePythonMetadata } from "../../builder/attest/parse-python.ts";
import { redact } from "../../builder/redact.ts";

const DEBIAN = { id: "debian", version: "12" };
const ALPINE = { id: "alpine", version: "3.20.1" };

const APK = `C:Q1pSfbRVpNCoRT6+RVNZjJVBRCcAQ=
P:musl
V:1.2.5-r0
A:x86_64
S:407278
T:the musl c library (libc) implementation
U:https://musl.libc.org/
L:MIT
o:musl
m:Timo Teräs <timo.teras@iki.fi>
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755

P:ssl_client
V:1.36.1-r29
A:x86_64
L:GPL-2.0-only
o:busybox

`;

interface Case {
  readonly name: string;
  readonly found: () => readonly FoundPackage[];
  readonly urls: readonly string[];
}

const cases: readonly Case[] = [
  {
    name: "dpkg: what is installed, not what was removed, with source and epoch",
    found: () =>
      parseDpkg(
        "Package: libc6\nStatus: install ok installed\nSource: glibc (2.36-9)\nArchitecture: amd64\nVersion: 2.36-9+deb12u8\nDescription: C\n more\n .\n Package: no\n\n" +
          "Package: vim\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2:9.0\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n" +
          "Package: half\nStatus: install ok not-installed\nVersion: 1\n",
        DEBIAN,
      ),
    urls: [
      "pkg:deb/debian/libc6@2.36-9%2Bdeb12u8?arch=amd64&distro=debian-12&upstream=glibc%402.36-9",
      "pkg:deb/debian/vim@2%3A9.0?arch=amd64&distro=debian-12",
    ],
  },
  {
    name: "dpkg without a status, as in status.d",
    found: () => parseDpkg("Package: base-files\nVersion: 12\nArchitecture: amd64\n", undefined),
    urls: ["pkg:deb/debian/base-files@12?arch=amd64"],
  },
  {
    name: "apk",
    found: () => parseApk(APK, ALPINE),
    urls: [
      "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.1",
      "pkg:apk/alpine/ssl_client@1.36.1-r29?arch=x86_64&distro=alpine-3.20.1&upstream=busybox",
    ],
  },
  {
    name: "npm with a scope",
    found: () => parsePackageJson('{"name":"@types/node","version":"20.1.0","license":"MIT"}'),
    urls: ["pkg:npm/%40types/node@20.1.0"],
  },
  { name: "npm without a version is no package", found: () => parsePackageJson('{"type":"module"}'), urls: [] },
  {
    name: "a lock file of npm 7 and later: packages at every depth, no links, not the project",
    found: () =>
      parsePackageLock(
        JSON.stringify({
          lockfileVersion: 3,
          packages: {
            "": { name: "me", version: "1" },
            "node_modules/a": { version: "1.0.0" },
            "node_modules/a/node_modules/@b/c": { version: "2.0.0" },
            "node_modules/l": { link: true, version: "1" },
            lib: { version: "1" },
          },
        }),
      ),
    urls: ["pkg:npm/a@1.0.0", "pkg:npm/%40b/c@2.0.0"],
  },
  {
    name: "a lock file of npm 6",
    found: () => parsePackageLock(JSON.stringify({ lockfileVersion: 1, dependencies: { a: { version: "1.0.0", dependencies: { b: { version: "2.0.0" } } } } })),
    urls: ["pkg:npm/a@1.0.0", "pkg:npm/b@2.0.0"],
  },
  {
    name: "Python",
    found: () => parsePythonMetadata("Metadata-Version: 2.1\r\nName: Foo_Bar.baz\r\nVersion: 1.0rc1\r\nLicense: UNKNOWN\r\n\r\nName: not this\r\n"),
    urls: ["pkg:pypi/foo-bar.baz@1.0rc1"],
  },
];

test.each(cases)("$name", ({ found, urls }) => {
  expect(found().map(packageUrl)).toEqual(urls);
});

test("every package that dpkg-query says is installed on this machine is found, and no other", () => {
  const told = execFileSync("dpkg-query", ["-W", "-f", "${db:Status-Status} ${Package} ${Version} ${Architecture}\n"], { encoding: "utf8" });
  const wanted = told.split("\n").flatMap((line) => (line.startsWith("installed ") ? [line.slice("installed ".length)] : []));
  const found = parseDpkg(readFileSync("/var/lib/dpkg/status", "utf8"), DEBIAN);
  expect(found.map(({ name, version, qualifiers }) => `${name} ${version} ${qualifiers?.["arch"]}`).sort()).toEqual(wanted.sort());
});

test.each([
  ["MIT", "MIT"],
  ["mit", "MIT"],
  ["(MIT OR Apache-2.0)", "(MIT OR Apache-2.0)"],
  ["GPL-2.0-only AND (BSD-3-Clause OR MIT)", "GPL-2.0-only AND (BSD-3-Clause OR MIT)"],
  ["GPL-2.0-or-later WITH GCC-exception-3.1", "GPL-2.0-or-later WITH GCC-exception-3.1"],
  ["BSD", undefined],
  ["SEE LICENSE IN LICENSE.md", undefined],
  ["MIT AND", undefined],
  ["(MIT", undefined],
  ["MIT MIT", undefined],
  ["", undefined],
])("the licence %j is the expression %j", (text, expression) => {
  expect(licenseExpression(text)).toBe(expression);
});

describe("a Go program", () => {
  const varint = (length: number): Buffer => (length < 128 ? Buffer.from([length]) : Buffer.from([(length & 0x7f) | 0x80, length >> 7]));
  const text = (value: string): Buffer => Buffer.concat([varint(Buffer.byteLength(value)), Buffer.from(value)]);

  test("tells of its modules, replaced ones as what replaces them", () => {
    const modules =
      "path\texample.com/cmd\nmod\texample.com/cmd\t(devel)\t\ndep\tgolang.org/x/sys\tv0.20.0\th1:x=\ndep\tgithub.com/a/b\tv1.0.0\n=>\tgithub.com/c/d\tv1.1.0\th1:y=\nbuild\tGOOS=linux\n";
    const head = Buffer.concat([Buffer.from("\xff Go buildinf:", "latin1"), Buffer.from([8, 2]), Buffer.alloc(16)]);
    const program = Buffer.concat([Buffer.alloc(64), head, text("go1.22.4 X:none"), text(`${"s".repeat(16)}${modules}${"e".repeat(16)}`)]);
    const info = buildInfo(program);
    expect(info?.go).toBe("go1.22.4");
    expect(info?.modules.map(packageUrl)).toEqual(["pkg:golang/example.com/cmd", "pkg:golang/golang.org/x/sys@v0.20.0", "pkg:golang/github.com/c/d@v1.1.0"]);
  });

  test("that was not made by Go, or lies, tells nothing and breaks nothing", () => {
    const mark = Buffer.from("\xff Go buildinf:\x08\x02", "latin1");
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        buildInfo(Buffer.from(bytes));
        buildInfo(Buffer.concat([mark, Buffer.alloc(16), Buffer.from(bytes)]));
      }),
      { seed: 11, numRuns: 300 },
    );
  });
});

test("any text is read without failing, but for JSON that is none", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300 }), fc.jsonValue(), (text, value) => {
      parseDpkg(text, DEBIAN);
      parseApk(text, ALPINE);
      parsePythonMetadata(text);
      parsePackageJson(JSON.stringify(value));
      parsePackageLock(JSON.stringify(value));
      licenseExpression(text);
    }),
    { seed: 5, numRuns: 500 },
  );
});

test("users and passwords in URLs are not told", () => {
  expect(redact("http://me:secret@proxy:3128 and git+https://token@example.com/x a@b")).toBe("http://xxxxx@proxy:3128 and git+https://xxxxx@example.com/x a@b");
});
