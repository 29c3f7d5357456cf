/** What is mounted later, on either side, and whether the other sees it: propagation of mounts and of the root. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openedForAll } from "../support/opened.ts";
import { openLab, type Overrides } from "./lab.ts";

const lab = openedForAll(openLab);

const ADMIN = ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"];
const capabilities = { bounding: ADMIN, effective: ADMIN, permitted: ADMIN };

/** A file system of this machine that is shared with whoever gets a bind of it, and one more in it. */
async function withShared<T>(work: (source: string) => Promise<T>): Promise<T> {
  const source = join(lab.folder, `shared-${lab.id()}`);
  mkdirSync(source);
  try {
    for (const path of [source, join(source, "inner")]) {
      mkdirSync(path, { recursive: true });
      execFileSync("mount", ["-t", "tmpfs", "tmpfs", path]);
      execFileSync("mount", ["--make-shared", path]);
    }
    return await work(source);
  } finally {
    execFileSync("umount", ["--recursive", "--lazy", source]);
  }
}

interface Seen {
  /** What mountinfo tells of /here and of /here/inner: `shared:N`, `master:N`… or nothing. */
  readonly tells: readonly string[];
  /** A mount of the machine's shows up inside. */
  readonly entered: boolean;
  /** A mount made inside shows up on the machine. */
  readonly left: boolean;
}

/** Below /here, or below /here/inner. */
async function seen(options: readonly string[], rootfsPropagation: string | undefined, below = ""): Promise<Seen> {
  return await withShared(async (source) => {
    const overrides: Overrides = {
      spec: { mounts: [...(lab.spec([]).mounts ?? []), { destination: "/here", type: "bind", source, options: ["rbind", ...options] }] },
      process: { capabilities },
      linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW" }, ...(rootfsPropagation !== undefined && { rootfsPropagation }) },
    };
    const { state } = await lab.processes.run({ ...lab.request(["sleep", "600"], overrides), stdio: { kind: "monitor", stdin: false } });
    const inside = async (script: string): Promise<string> => await output(state.id, script, overrides);
    const tells = await inside("for path in /here /here/inner; do grep \" $path \" /proc/self/mountinfo | cut -d ' ' -f 7-; done");
    const late = join(source, below, "late");
    mkdirSync(late);
    execFileSync("mount", ["-t", "tmpfs", "tmpfs", late]);
    writeFileSync(join(late, "file"), "");
    const entered = await inside(`ls /here/${below}/late`);
    const made = await inside(`cd /here/${below}; mkdir own; mount -t tmpfs tmpfs own; touch own/file; ls own`);
    const left = existsSync(join(source, below, "own/file"));
    await lab.processes.remove(state.id);
    expect(made).toBe("file\n");
    return { tells: fieldsOf(tells), entered: entered === "file\n", left };
  });
}

/** The optional fields stand before a hyphen. */
function fieldsOf(lines: string): readonly string[] {
  return lines
    .trim()
    .split("\n")
    .map((line) => line.replace(/ ?- .*/, "").replaceAll(/\d+/g, "N"));
}

async function output(id: string, script: string, overrides: Overrides): Promise<string> {
  const { process } = lab.spec(["sh", "-c", script], overrides);
  if (process === undefined) throw new Error("no process");
  const { attachment } = await lab.processes.exec(id, process, { stdin: false });
  let text = "";
  for await (const { stream, data } of attachment?.output ?? []) if (stream === "stdout") text += Buffer.from(data).toString();
  return text;
}

describe("of a mount", () => {
  test.each([
    { word: "rslave", root: undefined, tells: ["master:N", "master:N"], entered: true, left: false },
    { word: "rslave", root: "shared", tells: ["master:N", "master:N"], entered: true, left: false },
    { word: "rshared", root: "shared", tells: ["shared:N", "shared:N"], entered: true, left: true },
    { word: "rshared", root: "rshared", tells: ["shared:N", "shared:N"], entered: true, left: true },
    { word: "rshared", root: undefined, tells: ["shared:N master:N", "shared:N master:N"], entered: true, left: false },
    { word: "rprivate", root: undefined, tells: ["", ""], entered: false, left: false },
    { word: "runbindable", root: undefined, tells: ["unbindable", "unbindable"], entered: false, left: false },
    { word: "private", root: undefined, tells: ["", "master:N"], entered: false, left: false },
    { word: "slave", root: "shared", tells: ["master:N", "shared:N"], entered: true, left: false },
    { word: "shared", root: undefined, tells: ["shared:N master:N", "master:N"], entered: true, left: false },
    { word: "unbindable", root: undefined, tells: ["unbindable", "master:N"], entered: false, left: false },
  ])("$word below a root of $root: $tells", async ({ word, root, ...expected }) => {
    expect(await seen([word], root)).toEqual(expected);
  });

  test("a word without r leaves what is mounted below as it is", async () => {
    expect(await seen(["private"], undefined, "inner")).toMatchObject({ entered: true, left: false });
    expect(await seen(["rprivate"], undefined, "inner")).toMatchObject({ entered: false, left: false });
  });

  test.each(["shared", "unbindable"])("%s of a file system that is new", async (word) => {
    const mounts = [...(lab.spec([]).mounts ?? []), { destination: "/here", type: "tmpfs", source: "tmpfs", options: [word] }];
    const { stdout } = await lab.shell("grep ' /here ' /proc/self/mountinfo | cut -d ' ' -f 7", { spec: { mounts } });
    expect(stdout.replace(/:\d+/, "")).toBe(`${word}\n`);
  });
});

describe("of the root, for mounts that say nothing of their own", () => {
  test.each([
    { root: "slave", tells: ["master:N", "master:N"], entered: true, left: false },
    { root: "rslave", tells: ["master:N", "master:N"], entered: true, left: false },
    { root: "rshared", tells: ["shared:N", "shared:N"], entered: true, left: true },
    { root: "rprivate", tells: ["", ""], entered: false, left: false },
    { root: "runbindable", tells: ["unbindable", "unbindable"], entered: false, left: false },
  ])("$root: $tells", async ({ root, ...expected }) => {
    expect(await seen([], root)).toEqual(expected);
  });

  test.each([
    ["rshared", /^shared:\d+$/],
    ["runbindable", /^unbindable$/],
    ["rprivate", /^-$/],
  ])("%s is what the root itself is", async (rootfsPropagation, shown) => {
    const { stdout } = await lab.shell("grep ' / / ' /proc/self/mountinfo | cut -d ' ' -f 7", { linux: { rootfsPropagation } });
    expect(stdout.trim()).toMatch(shown);
  });

  test("one that there is none of is refused", async () => {
    await expect(lab.shell("true", { linux: { rootfsPropagation: "rsideways" } })).rejects.toThrow(/rootfsPropagation "rsideways": there is no such/);
  });
});
