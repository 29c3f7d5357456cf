import { expect, test } from "vitest";
import { openLab } from "../lab.ts";
import { testRefusals, testRows } from "./lab-tables.ts";
import { D, F, IN_D, TREE, under, WHOLE_D } from "./tree.ts";

testRows([
  ["4.2 .. and a leading slash stop at the context", "COPY ../../a.txt /b.txt /n/", { n: D, "n/a.txt": `${F} A`, "n/b.txt": `${F} B` }],
  ["4.2 .. inside a path", "COPY d/../../../a.txt /n", { n: `${F} A` }],
  ["4.2 a trailing slash of a file is ignored", "COPY a.txt/ /n", { n: `${F} A` }],
  ["4.2 the whole context by slash", "COPY --exclude=* --exclude=!d/sub / /n", under("n", { "": D, d: D, "d/sub": D, "d/sub/z": `${F} Z` })],
  ["4.3 wildcards match names with dots first", "COPY *hid* /n/", { n: D, "n/.hidden": `${F} H` }],
  ["4.3 a question mark matches one character", "COPY ?.txt /n/", { n: D, "n/a.txt": `${F} A`, "n/b.txt": `${F} B` }],
  ["4.3 a set", "COPY [!-`]hidden /n/", { n: D, "n/.hidden": `${F} H` }],
  ["4.3 a negated set", "COPY [^a].txt /n/", { n: D, "n/b.txt": `${F} B` }],
  ["4.3 an escaped wildcard is literal", "COPY n\\?pe /n/", { n: D, "n/n?pe": `${F} Q` }],
  ["4.3 an escaped bracket is literal", "COPY [[]x] /n/", { n: D, "n/[x]": `${F} I` }],
  ["4.3 wildcards in folders", "COPY */*.txt /n/", { n: D, "n/x.txt": `${F} X` }],
  ["4.3 two stars are one star without --parents", "COPY **/x.txt /n/", { n: D, "n/x.txt": `${F} X` }],
  ["4.3 two stars do not reach further down", "COPY **/z /n/\nCOPY a.txt /", { "a.txt": `${F} A` }],
  ["4.4 a wildcard without a match copies nothing", "COPY *.none /n/\nCOPY a.txt /", { "a.txt": `${F} A` }],
  ["4.4 a wildcard without a match beside one with", "COPY *.none a.t* /n/", { n: D, "n/a.txt": `${F} A` }],
  ["4.5 what a folder holds, not itself", "COPY d /n", under("n", WHOLE_D)],
  ["4.5 what a folder holds, with slashes", "COPY d/ /n/", under("n", WHOLE_D)],
  ["4.5 what a folder holds into the root", "COPY d /", IN_D],
  ["4.7 a source that is a link to a folder is followed", "COPY alias /n", under("n", WHOLE_D)],
  ["4.7 a source that is a link to a file is followed, and keeps its name", "COPY d/link /n/", { n: D, "n/link": `${F} X` }],
  ["4.7 a path through a link", "COPY alias/x.txt /n", { n: `${F} X` }],
  ["4.7 a link that a wildcard finds is followed", "COPY d/l* /n/", { n: D, "n/link": `${F} X` }],
  ["4.7 a link inside a folder is copied as it is", "COPY out /n", { n: D, "n/escape": "symlink 777 0:0 -> ../../../../etc/passwd" }],
  ["4.7 links in a circle are copied as they are", "COPY loop /n", { n: D, "n/a": "symlink 777 0:0 -> b", "n/b": "symlink 777 0:0 -> a" }],
  ["4.21 modes of a context are kept, set-id too", "COPY run setuid /n/", { n: D, "n/run": "file 755 0:0 #!", "n/setuid": "file 4755 0:0 S" }],
  ["1.14 a heredoc is a file", 'ENV V=1\nCOPY <<EOF /n\nv=$V "q" \\$V\nEOF', { n: `${F} v=1 "q" $V\n` }],
  ["1.14 a quoted heredoc is not expanded", "COPY <<'EOF' /n/\n$V\nEOF", { n: D, "n/EOF": `${F} $V\n` }],
  ["1.14 two heredocs and a file", "COPY <<a a.txt <<-b /n/\n1\na\n\t2\n\tb", { n: D, "n/a": `${F} 1\n`, "n/a.txt": `${F} A`, "n/b": `${F} 2\n` }],
  ["2.10 variables in paths", "ARG S=a\nENV T=n\nCOPY ${S}.txt /$T", { n: `${F} A` }],
  ["1.11 JSON form with blanks", 'COPY ["a.txt", "/two words"]', { "two words": `${F} A` }],
]);

testRefusals([
  ["4.2 a file that is not there", "COPY a.tx /n", "SOURCE_UNKNOWN", /\/a\.tx in the build context: not found/],
  ["4.3 a wildcard that Go calls malformed", "COPY [a- /n", "FLAG_INVALID", /syntax error in pattern/],
  ["4.7 a link out of the context", "COPY out/escape /n", "SOURCE_UNKNOWN", /not found/],
  ["4.7 a link in a circle", "COPY loop/a /n", "SOURCE_UNKNOWN", /not found/],
]);

test("A near name is suggested, and of an ignored file it is said that it is", async () => {
  await using lab = await openLab();
  lab.context(TREE);
  await expect(lab.build("FROM scratch\nCOPY d/x.tx /n\n")).rejects.toMatchObject({ hint: "Did you mean d/x.txt?" });
  await expect(lab.build("FROM scratch\nCOPY a.txt /n\n", { ignore: ["*.txt"] })).rejects.toMatchObject({
    hint: "/a.txt is there, but the ignore file leaves it out; 'strata build context ls --ignored' names the line",
  });
});
