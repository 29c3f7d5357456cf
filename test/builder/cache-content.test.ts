/** What the files of a COPY are beside their names and bytes counts for the cache too: the result is that of a build from nothing. */
import { chmodSync, linkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openStore } from "../../store/open.ts";
import { temporaryRoot, treeTool } from "../support/root.ts";
import { openLab } from "./lab.ts";

const FILES = { "src/a": "same", "src/b": "same", "src/sub/c": "C" };
const COPY = "FROM scratch\nCOPY src /d/\n";
const STAGES = "FROM scratch AS one\nCOPY src /d/\nFROM scratch\nCOPY --from=one /d /e\n";
const PARENTS = "FROM scratch\nCOPY --parents src/sub/c /d/\n";

type At = (path: string) => string;

function unite(at: At): void {
  unlinkSync(at("src/b"));
  linkSync(at("src/a"), at("src/b"));
}

function part(at: At): void {
  unlinkSync(at("src/b"));
  writeFileSync(at("src/b"), "same");
}

test.each<{ name: string; dockerfile: string; changes: readonly ((at: At) => void)[] }>([
  { name: "two files become two names of one, and two files again", dockerfile: COPY, changes: [unite, part] },
  { name: "the same in a stage", dockerfile: STAGES, changes: [unite, part] },
  {
    name: "a folder on the way is closed and opened, with --parents",
    dockerfile: PARENTS,
    changes: [(at) => chmodSync(at("src"), 0o700), (at) => chmodSync(at("src"), 0o755)],
  },
])("$name", async ({ dockerfile, changes }) => {
  await using lab = await openLab();
  const folder = lab.context(FILES);
  const ids = new Set([(await lab.build(dockerfile)).result.id]);
  for (const change of changes) {
    change((path) => join(folder, path));
    const { result } = await lab.build(dockerfile);
    using root = temporaryRoot();
    await using elsewhere = await openStore({ root: root.root, treeTool });
    expect(result.id).toBe((await lab.build(dockerfile, {}, undefined, elsewhere)).result.id);
    ids.add(result.id);
  }
  expect(ids.size).toBe(2);
});
