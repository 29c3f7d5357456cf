/** Which declared licences are SPDX expressions. Only ids that are met often are known: what is not, is told as a comment instead. Spec: SPDX 2.3, annex D. */

const IDS: ReadonlySet<string> = new Set(
  (
    "0BSD AFL-2.1 AFL-3.0 AGPL-3.0-only AGPL-3.0-or-later Apache-1.1 Apache-2.0 Artistic-1.0-Perl Artistic-2.0 BlueOak-1.0.0 BSD-1-Clause BSD-2-Clause " +
    "BSD-2-Clause-Patent BSD-3-Clause BSD-3-Clause-Clear BSD-4-Clause BSL-1.0 bzip2-1.0.6 CC-BY-3.0 CC-BY-4.0 CC-BY-SA-4.0 CC0-1.0 CDDL-1.0 CECILL-2.1 curl " +
    "EPL-1.0 EPL-2.0 FTL GPL-1.0-only GPL-1.0-or-later GPL-2.0-only GPL-2.0-or-later GPL-3.0-only GPL-3.0-or-later HPND ICU IJG ISC LGPL-2.0-only " +
    "LGPL-2.0-or-later LGPL-2.1-only LGPL-2.1-or-later LGPL-3.0-only LGPL-3.0-or-later Libpng libtiff MIT MIT-0 MPL-1.1 MPL-2.0 MS-PL NCSA OFL-1.1 OLDAP-2.8 " +
    "OpenSSL PHP-3.01 PostgreSQL PSF-2.0 Python-2.0 Python-2.0.1 Ruby SSPL-1.0 Unicode-3.0 Unicode-DFS-2016 Unlicense UPL-1.0 Vim W3C WTFPL X11 Zlib zlib-acknowledgement ZPL-2.1"
  ).split(" "),
);
const EXCEPTIONS: ReadonlySet<string> = new Set([
  "Autoconf-exception-3.0",
  "Bison-exception-2.2",
  "Classpath-exception-2.0",
  "GCC-exception-3.1",
  "LLVM-exception",
  "Linux-syscall-note",
  "OpenSSL-exception",
]);
const MAX_LENGTH = 1000;

/** With its ids as the SPDX list spells them; undefined when it is no expression of known ids. */
export function licenseExpression(text: string): string | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const words = text.match(/[()]|[^\s()]+/g) ?? [];
  const at = { index: 0 };
  return alternatives(words, at) && at.index === words.length ? words.map(spelled).join(" ").replaceAll("( ", "(").replaceAll(" )", ")") : undefined;
}

interface Position {
  index: number;
}

function alternatives(words: readonly string[], at: Position): boolean {
  for (;;) {
    if (!single(words, at)) return false;
    if (!["AND", "OR"].includes(words[at.index] ?? "")) return true;
    at.index++;
  }
}

function single(words: readonly string[], at: Position): boolean {
  if (words[at.index] === "(") {
    at.index++;
    return alternatives(words, at) && words[at.index++] === ")";
  }
  if (!isId(words[at.index++] ?? "")) return false;
  if (words[at.index] !== "WITH") return true;
  at.index += 2;
  return EXCEPTIONS.has(words[at.index - 1] ?? "");
}

function isId(word: string): boolean {
  return LOWER.has(word.replace(/\+$/, "").toLowerCase());
}

const LOWER: ReadonlyMap<string, string> = new Map([...IDS].map((id) => [id.toLowerCase(), id]));

function spelled(word: string): string {
  const plain = word.replace(/\+$/, "");
  return (LOWER.get(plain.toLowerCase()) ?? plain) + word.slice(plain.length);
}
