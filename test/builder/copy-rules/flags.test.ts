import { chmodSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { testImage } from "../../support/image.ts";
import { openLab } from "../lab.ts";
import { testRefusals, testRows } from "./lab-tables.ts";
import { D, F, IN_D, TREE, under, WHOLE_D } from "./tree.ts";

const LINK = "symlink 777 0:0 -> x.txt";

testRows([
  ["4.9 --chown with numbers", "COPY --chown=7:8 a.txt /n", { n: "file 644 7:8 A" }],
  ["4.9 --chown with one number", "COPY --chown=7 a.txt /n", { n: "file 644 7:7 A" }],
  ["4.9 --chown with a group alone", "COPY --chown=:9 a.txt /n", { n: "file 644 0:9 A" }],
  [
    "4.9 --chown of links too",
    "COPY --chown=7 d/. /n",
    under("n", {
      "": "directory 755 7:7",
      link: "symlink 777 7:7 -> x.txt",
      sub: "directory 755 7:7",
      "sub/z": "file 644 7:7 Z",
      "x.txt": "file 644 7:7 X",
      "y.md": "file 644 7:7 Y",
    }),
  ],
  ["4.10 --chmod for files and folders in a folder", "COPY --chmod=700 d/sub /n", { n: D, "n/z": "file 700 0:0 Z" }],
  ["4.10 --chmod with set-id", "COPY --chmod=4711 a.txt /n", { n: "file 4711 0:0 A" }],
  ["4.10 --chmod 0", "COPY --chmod=0 a.txt /n", { n: "file 0 0:0 A" }],
  ["4.10 --chmod of a variable", "ARG M=0640\nCOPY --chmod=$M a.txt /n", { n: "file 640 0:0 A" }],
  ["4.11 --chmod with symbols", "COPY --chmod=u=rwX,go=rX d /n", under("n", { ...WHOLE_D })],
  ["4.11 --chmod that adds", "COPY --chmod=go+w,u+x a.txt run /n/", { n: D, "n/a.txt": "file 766 0:0 A", "n/run": "file 777 0:0 #!" }],
  ["4.11 --chmod that takes away", "COPY --chmod=a-x,o-r run /n", { n: "file 640 0:0 #!" }],
  ["4.11 --chmod that copies and sets ids", "COPY --chmod=g=u,+s run /n", { n: "file 6775 0:0 #!" }],
  ["4.12 --link", "COPY --link a.txt /p/n", { p: D, "p/n": `${F} A` }],
  ["4.12 --link makes fresh parents", "COPY --chown=7 d/sub /p\nCOPY --link a.txt /p/", { p: D, "p/z": "file 644 7:7 Z", "p/a.txt": `${F} A` }],
  [
    "4.12 --link follows no links of the destination",
    "COPY alias/sub /n\nCOPY d /m\nCOPY --link a.txt /m/link",
    { n: D, "n/z": `${F} Z`, ...under("m", WHOLE_D), "m/link": `${F} A` },
  ],
  ["4.13 --parents keeps the way", "COPY --parents d/sub/z /n/", { n: D, "n/d": D, "n/d/sub": D, "n/d/sub/z": `${F} Z` }],
  ["4.13 --parents from the pivot", "COPY --parents d/./sub/z /n/", { n: D, "n/sub": D, "n/sub/z": `${F} Z` }],
  ["4.13 --parents of a folder", "COPY --parents d/sub /n/", { n: D, "n/d": D, "n/d/sub": D, "n/d/sub/z": `${F} Z` }],
  ["4.13 --parents of several sources", "COPY --parents a.txt d/x.txt /n/", { n: D, "n/a.txt": `${F} A`, "n/d": D, "n/d/x.txt": `${F} X` }],
  ["4.13 --parents with two stars", "COPY --parents **/*.txt /n/", { n: D, "n/a.txt": `${F} A`, "n/b.txt": `${F} B`, "n/d": D, "n/d/x.txt": `${F} X` }],
  ["4.13 --parents with two stars below a folder", "COPY --parents ./d/**/z /n/", { n: D, "n/d": D, "n/d/sub": D, "n/d/sub/z": `${F} Z` }],
  ["4.13 --parents with two stars behind the pivot", "COPY --parents d/./**/z /n/", { n: D, "n/sub": D, "n/sub/z": `${F} Z` }],
  [
    "4.13 --parents of the whole, as documented",
    "COPY --parents --exclude=* --exclude=!d/sub/z ./ /n",
    { n: D, "n/d": D, "n/d/sub": D, "n/d/sub/z": `${F} Z` },
  ],
  ["4.13 --parents with the pivot last", "COPY --parents ./d/./ /n", under("n", WHOLE_D)],
  ["4.14 --exclude counts from the source", "COPY --exclude=*.md --exclude=sub d /n", { n: D, "n/link": LINK, "n/x.txt": `${F} X` }],
  ["4.14 --exclude of a path below", "COPY --exclude=sub/z d /n", under("n", { "": D, link: LINK, sub: D, "x.txt": `${F} X`, "y.md": `${F} Y` })],
  ["4.14 --exclude with two stars", "COPY --exclude=**/z --exclude=**/*.txt d /n", under("n", { "": D, link: LINK, sub: D, "y.md": `${F} Y` })],
  ["4.14 --exclude takes back", "COPY --exclude=* --exclude=!y.md d /n", { n: D, "n/y.md": `${F} Y` }],
  ["4.14 --exclude takes back below a folder", "COPY --exclude=* --exclude=!sub/z d /n", { n: D, "n/sub": D, "n/sub/z": `${F} Z` }],
  ["4.14 --exclude of a file that a wildcard finds", "COPY --exclude=a* *.txt /n/", { n: D, "n/b.txt": `${F} B` }],
  [
    "4.14 --exclude with --parents counts from the top",
    "COPY --parents --exclude=d/*.md d /n/",
    { n: D, ...under("n/d", Object.fromEntries(Object.entries(WHOLE_D).filter(([path]) => path !== "y.md"))) },
  ],
  [
    "4.8 --from a stage by its number and name",
    "COPY --chown=3:4 d/sub /n\nFROM scratch AS Two\nCOPY --from=0 /n /m\nFROM scratch\nCOPY --from=two / /",
    { m: D, "m/z": "file 644 3:4 Z" },
  ],
]);

testRefusals([
  ["4.8 a variable in --from", "ARG S=a\nCOPY --from=$S a.txt /", "FLAG_INVALID", /variables/],
  ["4.8 the stage itself", "COPY --from=0 / /x", "STAGE_CYCLE", /the stage itself/],
  ["4.9 an unknown user", "COPY --chown=nobody a.txt /n", "USER_UNKNOWN", /user nobody/],
  ["4.9 an unknown group", "COPY --chown=0:staff a.txt /n", "USER_UNKNOWN", /group staff/],
  ["4.10 --chmod beyond 7777", "COPY --chmod=10000 a.txt /n", "FLAG_INVALID", /octal/],
  ["4.10 --chmod with a digit that is none", "COPY --chmod=8 a.txt /n", "FLAG_INVALID", /octal/],
  ["4.11 --chmod with a letter that is none", "COPY --chmod=u+q a.txt /n", "FLAG_INVALID", /symbols/],
  ["1.15 a flag twice", "COPY --chmod=1 --chmod=2 a.txt /n", "FLAG_INVALID", /twice/],
  ["1.15 an unknown flag", "COPY --chwon=1 a.txt /n", "FLAG_INVALID", /unknown flag/],
]);

test("4.9 An owner that the kernel would not set is refused", async () => {
  await using lab = await openLab();
  lab.context({ a: "A" });
  await expect(lab.build("FROM scratch\nCOPY --chown=4294967295 a /\n")).rejects.toMatchObject({ code: "LAYER_INVALID" });
});

test("4.8 and 4.9 Files and names of owners come from an image", async () => {
  await using lab = await openLab();
  await testImage(lab.store);
  lab.context(TREE);
  const { files } = await lab.build(
    "FROM strata-test/tools\nCOPY --chown=alice a.txt /1\nCOPY --chown=alice:staff a.txt /2\nCOPY --chown=:staff a.txt /3\nCOPY --chown=12 a.txt /4\n" +
      "COPY --from=strata-test/tools /etc/p*swd /5/\nCOPY --chown=1000 a.txt /6\nCOPY --link --chown=alice a.txt /7\n",
  );
  expect([1, 2, 3, 4, 6, 7].map((name) => files[name])).toEqual(
    ["1000:1000", "1000:50", "0:50", "12:12", "1000:1000", "1000:1000"].map((who) => `file 644 ${who} A`),
  );
  expect(files["5/passwd"]).toMatch(/^file 644 0:0 root:x:0:0/);
});

const accounts = [
  { name: "COPY --chown with a number does not look it up", text: "COPY --chown=7 a.txt /n", owner: "7:7" },
  { name: "COPY --chown with a name brings its group", text: "COPY --chown=seven a.txt /n", owner: "7:70" },
  { name: "WORKDIR makes folders of USER", text: "USER seven\nWORKDIR /n", owner: "7:70" },
  { name: "WORKDIR makes folders of a USER that is a number", text: "USER 7\nWORKDIR /n", owner: "7:7" },
  { name: "WORKDIR does not need to know USER", text: "USER eight\nWORKDIR /n", owner: "0:0" },
];

test.each(accounts)("3.27 and 4.9 $name", async ({ text, owner }) => {
  await using lab = await openLab();
  lab.context({ ...TREE, passwd: "seven:x:7:70::/:/bin/sh\n" });
  const { files } = await lab.build(`FROM scratch\nCOPY passwd /etc/passwd\n${text}\n`);
  expect(files["n"]).toContain(` ${owner}`);
});

test("4.8 Named contexts are folders with ignore files of their own, and stand in the place of images", async () => {
  await using lab = await openLab();
  await testImage(lab.store, { name: "strata-test/other:1" });
  const other = lab.context({ o: "O", ".dockerignore": "skip", skip: "S" }, "other");
  const contexts = new Map([
    ["lib", { kind: "folder", path: other } as const],
    ["busybox", { kind: "image", reference: "strata-test/other:1" } as const],
  ]);
  const { files } = await lab.build("FROM scratch\nCOPY --from=lib . /n\nCOPY --from=busybox /etc/hosts /\n", { contexts });
  expect(Object.keys(files)).toEqual(["hosts", "n", "n/.dockerignore", "n/o"]);
});

test("4.13 --parents gives new folders the modes that they have in the source", async () => {
  await using lab = await openLab();
  const folder = lab.context(TREE);
  chmodSync(join(folder, "d"), 0o711);
  chmodSync(join(folder, "d/sub"), 0o700);
  const { files } = await lab.build("FROM scratch\nCOPY --parents d/sub/z /n/\nCOPY --chown=5 --parents d/sub /m/\n");
  expect(files).toEqual({
    ...under("n", { "": D, d: "directory 711 0:0", "d/sub": "directory 700 0:0", "d/sub/z": `${F} Z` }),
    ...under("m", { "": "directory 755 5:5", d: "directory 711 5:5", "d/sub": "directory 700 5:5", "d/sub/z": "file 644 5:5 Z" }),
  });
});

test("4.21 Stages are copied from with their owners, following links inside them", async () => {
  await using lab = await openLab();
  lab.context({ ...TREE, "l/abs": "link:/n/x.txt" });
  const { files } = await lab.build(
    "FROM scratch AS One\nCOPY --chown=3:4 d /n\nCOPY l /l\nFROM scratch\nCOPY --from=one /n /m\nCOPY --from=0 /l/abs /n/s*b /p/\nCOPY --from=0 --parents /n/**/z /q/\n",
  );
  const owned = (files: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
    Object.fromEntries(Object.entries(files).map(([path, what]) => [path, what.replace("0:0", "3:4")]));
  expect(files).toEqual({
    m: D,
    ...under("m", owned(IN_D)),
    ...under("p", { "": D, abs: "file 644 3:4 X", z: "file 644 3:4 Z" }),
    ...under("q", { "": D, n: "directory 755 3:4", "n/sub": "directory 755 3:4", "n/sub/z": "file 644 3:4 Z" }),
  });
});

test("4.12 With and without --link are two keys: their layers differ", async () => {
  await using lab = await openLab();
  lab.context(TREE);
  const plain = await lab.build("FROM scratch\nCOPY d /m\nCOPY a.txt /m/link\n");
  const linked = await lab.build("FROM scratch\nCOPY d /m\nCOPY --link a.txt /m/link\n");
  expect([plain.files["m/link"], plain.files["m/x.txt"], linked.files["m/link"], linked.files["m/x.txt"]]).toEqual([LINK, `${F} A`, `${F} A`, `${F} X`]);
});
