/** COPY --link: its layer does not depend on what is below, so another base is no reason to make it again. */
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { dryRun } from "../../builder/cache/dry-run.ts";
import type { BuildResult } from "../../builder/request.ts";
import { runStrata } from "../support/cli.ts";
import { temporaryRoot, treeTool } from "../support/root.ts";
import { defaults, openLab, type Lab } from "./lab.ts";

let lab: Lab;
beforeEach(async () => {
  lab = await openLab();
  lab.context({ a: "A", "d/x": "X", "d/y": "Y", base1: "1", base2: "2", passwd1: "app:x:7:7::/:\n", passwd2: "app:x:8:8::/:\n" });
});
afterEach(async () => await lab[Symbol.asyncDispose]());

const LINKS = "COPY --link a /etc/a\nCOPY --link d /etc/d\n";
const on = (base: string, rest = LINKS): string => `FROM scratch\nCOPY ${base} /base\n${rest}`;
const MOVED = "hit: only what is below changed, which --link does not depend on";

async function inode({ chain }: BuildResult, path: string): Promise<number> {
  const view = await lab.store.snapshots.view(chain);
  return statSync((await view.lookup(path))?.file ?? "").ino;
}

test("On another base its layers are the same folders, and the image is as if it were made there", async () => {
  const first = await lab.build(on("base1"));
  const moved = await lab.build(on("base2"));
  expect(moved.steps.get("COPY base2 /base")).toMatch(/^miss/);
  expect([moved.steps.get("COPY --link a /etc/a"), moved.steps.get("COPY --link d /etc/d")]).toEqual([MOVED, MOVED]);
  expect(moved.files).toEqual({ ...first.files, base: "file 644 0:0 2" });
  expect(await inode(moved.result, "etc/d/x")).toBe(await inode(first.result, "etc/d/x"));
  const anew = await lab.build(on("base2"), { noCache: true });
  expect([anew.steps.get("COPY --link a /etc/a")?.slice(0, 4), anew.result.id]).toEqual(["miss", moved.result.id]);
  const back = await lab.build(on("base1"));
  expect(back.result.id).toBe(first.result.id);
  expect((await lab.build(on("base2"))).steps.get("COPY --link d /etc/d")).toBe("hit: nothing that it depends on changed");
});

/** name, rest of the first build, rest of the second, its step, what it says */
const rows: readonly (readonly [string, string, string, string, string | RegExp])[] = [
  ["without --link it is made again", "COPY a /n\n", "COPY a /n\n", "COPY a /n", "miss: the step before it gave another layer"],
  ["other files are a miss", "COPY --link a /n\n", "COPY --link d/x /n\n", "COPY --link d/x /n", /^miss: .*changed/],
  ["another destination is a miss", "COPY --link a /n\n", "COPY --link a /m\n", "COPY --link a /m", /^miss: destination changed/],
  ["it need not stand at the same place", "COPY --link a /n\n", "WORKDIR /w\nCOPY --link a /n\n", "COPY --link a /n", MOVED],
  ["a number as owner is the same everywhere", "COPY --link --chown=7:8 a /n\n", "COPY --link --chown=7:8 a /n\n", "COPY --link --chown=7:8 a /n", MOVED],
];

test.each(rows)("%s", async (_, before, after, step, wanted) => {
  await lab.build(on("base1", before));
  const { steps } = await lab.build(on("base2", after));
  if (typeof wanted === "string") expect(steps.get(step)).toBe(wanted);
  else expect(steps.get(step)).toMatch(wanted);
});

test("A named owner is that of the base it stands on", async () => {
  const text = (n: 1 | 2): string => `FROM scratch\nCOPY passwd${n} /etc/passwd\nCOPY base1 /b${n}\nCOPY --link --chown=app a /n\n`;
  await lab.build(text(1));
  const other = await lab.build(text(2));
  expect([other.files["n"], other.steps.get("COPY --link --chown=app a /n")?.slice(0, 4)]).toEqual(["file 644 8:8 A", "miss"]);
  const same = await lab.build(text(1).replace("/b1", "/b3"));
  expect([same.files["n"], same.steps.get("COPY --link --chown=app a /n")]).toEqual(["file 644 7:7 A", MOVED]);
});

test("Stages of one build share it", async () => {
  const { steps, files } = await lab.build(
    "FROM scratch AS one\nCOPY base1 /b\nCOPY --link d /d\nFROM scratch\nCOPY base2 /b\nCOPY --from=one /b /c\nCOPY --link d /d\n",
  );
  expect(steps.get("COPY --link d /d")).toBe(MOVED); // the last to say so
  expect([files["b"], files["c"], files["d/x"]]).toEqual(["file 644 0:0 2", "file 644 0:0 1", "file 644 0:0 X"]);
});

test("A dry run knows it, also behind a step that would run", async () => {
  const request = (text: string): Parameters<typeof dryRun>[0] => defaults(text, join(lab.folder, "context"));
  const collaborators = {
    store: lab.store,
    treeTool,
    scratch: join(lab.folder, "dry"),
    onEvent: () => undefined,
    executor: () => Promise.reject(new Error("no")),
  };
  await lab.build(on("base1"));
  await lab.build("FROM scratch\nCOPY base2 /base\n");
  const states = async (text: string): Promise<readonly string[]> => (await dryRun(request(text), collaborators)).map(({ state }) => state);
  expect(await states(on("base2", `${LINKS}COPY a /z\n`))).toEqual(["cached", "cached", "cached", "run"]);
  writeFileSync(join(lab.folder, "context/base2"), "other");
  expect(await states(on("base2"))).toEqual(["run", "cached", "cached"]);
});

test("A fresh machine takes it from a cache that was made on another base", async () => {
  using one = temporaryRoot();
  using two = temporaryRoot();
  const [context, cache] = [join(lab.folder, "context"), join(lab.folder, "cache")];
  const build = async (machine: typeof one, base: string, ...flags: string[]): Promise<string> => {
    const { stderr } = await runStrata(machine, ["build", "--progress", "plain", "--explain", "-f", "-", ...flags, context], { input: on(base) });
    return stderr;
  };
  await build(one, "base1", "--cache-to", `type=local,dest=${cache},mode=max`);
  const log = await build(two, "base2", "--cache-from", `type=local,src=${cache}`);
  expect(log).not.toMatch(/ERROR/);
  expect(log.match(/only what is below changed/g)).toHaveLength(2);
  expect(log.match(/load layer/g)).toHaveLength(2);
});
