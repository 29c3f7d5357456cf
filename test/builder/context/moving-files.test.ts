import { spawn, type ChildProcess } from "node:child_process";
import { appendFileSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Executor } from "../../../builder/executor.ts";
import type { BuildRequest } from "../../../builder/request.ts";
import { openLab, type Lab } from "../lab.ts";

const COPY = "FROM scratch\nCOPY . /n/\n";

/** A store whose layers are written only after `disturb`, once. */
function disturbed(lab: Lab, disturb: () => void): Lab["store"] {
  const { write } = lab.store.snapshots;
  let isDone = false;
  return {
    ...lab.store,
    snapshots: {
      ...lab.store.snapshots,
      write: async (...given: Parameters<typeof write>) => {
        if (!isDone) disturb();
        isDone = true;
        return await write(...given);
      },
    },
  };
}

/** what happens between hashing and copying, the files that the image has then */
const rows: readonly (readonly [string, (folder: string) => void, Readonly<Record<string, string>>])[] = [
  ["grows", (folder) => appendFileSync(join(folder, "a"), "+"), { a: "first+", b: "B" }],
  ["shrinks", (folder) => truncateSync(join(folder, "a"), 2), { a: "fi", b: "B" }],
  ["is written anew", (folder) => writeFileSync(join(folder, "a"), "other"), { a: "other", b: "B" }],
  ["is replaced", (folder) => (writeFileSync(join(folder, "t"), "new"), renameSync(join(folder, "t"), join(folder, "a"))), { a: "new", b: "B" }],
  ["vanishes", (folder) => rmSync(join(folder, "a")), { b: "B" }],
  ["becomes a link out of the context", (folder) => (rmSync(join(folder, "a")), symlinkSync("/etc/passwd", join(folder, "a"))), { a: "link", b: "B" }],
];

test.each(rows)("A file that %s while it is copied lands as it was read, and its key says so", async (_, disturb, wanted) => {
  await using lab = await openLab();
  const folder = lab.context({ a: "first", b: "B" });
  const built = await lab.build(
    COPY,
    {},
    undefined,
    disturbed(lab, () => disturb(folder)),
  );
  const shown = Object.fromEntries(
    Object.entries(wanted).map(([name, text]) => [`n/${name}`, text === "link" ? "symlink 777 0:0 -> /etc/passwd" : `file 644 0:0 ${text}`]),
  );
  expect(built.files).toEqual({ n: "directory 755 0:0", ...shown });
  const again = await lab.build(COPY);
  expect([again.steps.get("COPY . /n/"), again.result.id]).toEqual([expect.stringMatching(/^hit/), built.result.id]);
});

test("A folder that became a link out of the context gives nothing of what is there", async () => {
  await using lab = await openLab();
  const folder = lab.context({ "d/passwd": "mine", "d/other": "O", b: "B" });
  const outside = lab.context({ passwd: "secret" }, "outside");
  const disturb = (): void => (renameSync(join(folder, "d"), join(folder, "..", "moved")), symlinkSync(outside, join(folder, "d")));
  const { files } = await lab.build(COPY, {}, undefined, disturbed(lab, disturb));
  expect(files).toEqual({ n: "directory 755 0:0", "n/b": "file 644 0:0 B", "n/d": "directory 755 0:0" });
});

test.each([
  ["stands for an image", "FROM base\n"],
  ["is mounted", "FROM scratch\nRUN --mount=type=bind,from=base,target=/m x\n"],
])("A folder that %s is refused when it changes after it was hashed, and is not remembered", async (_, dockerfile) => {
  await using lab = await openLab();
  const folder = lab.context({ a: "first" }, "base");
  const contexts: BuildRequest["contexts"] = new Map([["base", { kind: "folder", path: folder }]]);
  const shown: string[] = [];
  const executor: Executor = {
    run({ mounts }) {
      for (const mount of mounts) if (mount.target === "/m" && mount.kind === "bind") shown.push(readFileSync(join(mount.source, "a"), "utf8"));
      return Promise.resolve(0);
    },
  };
  const disturb = (): void => writeFileSync(join(folder, "a"), "other");
  await expect(lab.build(dockerfile, { contexts }, executor, disturbed(lab, disturb))).rejects.toMatchObject({ code: "SOURCE_CHANGED" });
  writeFileSync(join(folder, "a"), "first");
  const { files } = await lab.build(dockerfile, { contexts }, executor);
  expect([files["a"], ...shown]).toEqual(dockerfile.includes("RUN") ? [undefined, "first"] : ["file 644 0:0 first"]);
});

test("A source that vanishes is an error; two equal steps agree on what was read", async () => {
  await using lab = await openLab();
  const folder = lab.context({ a: "first" });
  const one = "FROM scratch\nCOPY a /n\n";
  await expect(
    lab.build(
      one,
      {},
      undefined,
      disturbed(lab, () => rmSync(join(folder, "a"))),
    ),
  ).rejects.toMatchObject({
    code: "SOURCE_CHANGED",
    message: expect.stringContaining("vanished") as string,
  });
  writeFileSync(join(folder, "a"), "first");
  const twice = "FROM scratch AS x\nCOPY a /n\nFROM scratch AS y\nCOPY a /n\nFROM scratch\nCOPY --from=x /n /1\nCOPY --from=y /n /2\n";
  const { files } = await lab.build(
    twice,
    {},
    undefined,
    disturbed(lab, () => writeFileSync(join(folder, "a"), "second")),
  );
  expect(files).toEqual({ 1: "file 644 0:0 second", 2: "file 644 0:0 second" });
  writeFileSync(join(folder, "a"), "first");
  expect((await lab.build(one)).files).toEqual({ n: "file 644 0:0 first" });
});

async function whileWriting(script: string, folder: string, act: () => Promise<void>): Promise<void> {
  const writer: ChildProcess = spawn("sh", ["-c", script, "sh", folder], { stdio: "ignore" });
  try {
    await act();
  } finally {
    writer.kill("SIGKILL");
    await new Promise((resolve) => (writer.exitCode === null && writer.signalCode === null ? writer.once("close", resolve) : resolve(undefined)));
  }
}

test.each([
  ["a log that is added to all the time", 'while :; do echo line >> "$1/log"; done'],
  ["a file that is written anew all the time", 'while :; do echo text > "$1/log"; done'],
  ["files that come and go", 'i=0; while :; do i=$((i+1)); echo x > "$1/t$((i%7))"; rm -f "$1/t$(((i+3)%7))"; done'],
])("A context with %s is built again and again, small and wide", async (_, script) => {
  await using lab = await openLab();
  for (const more of [0, 700]) {
    const name = `c${more}`;
    const folder = lab.context({ log: "", keep: "K", ...Object.fromEntries(Array.from({ length: more }, (_, at) => [`more/${at}`, String(at)])) }, name);
    await whileWriting(script, folder, async () => {
      for (let round = 0; round < 6; round++) expect((await lab.build(COPY, { context: folder })).files["n/keep"]).toBe("file 644 0:0 K");
    });
  }
});
