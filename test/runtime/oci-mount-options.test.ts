/** Every word of mounts.options: what the kernel says of the mount and of one more below it, and what it then lets programs do. */
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MOUNT_OPTION_WORDS } from "../../runtime/process/mount-options.ts";
import { openedForAll } from "../support/opened.ts";
import { NAMESPACES, openLab, type Overrides } from "./lab.ts";

const lab = openedForAll(openLab);

/** Mounts of this machine, each with one more below it, that allow everything, or nothing. */
const SOURCES = { open: "rw,relatime", narrow: "ro,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow" } as const;
type Source = keyof typeof SOURCES;
const at = (source: Source): string => join(lab.folder, source);

beforeAll(() => {
  for (const [source, flags] of Object.entries(SOURCES) as [Source, string][]) {
    mkdirSync(at(source));
    execFileSync("mount", ["-t", "tmpfs", "tmpfs", at(source)]);
    const inner = join(at(source), "inner");
    mkdirSync(inner);
    execFileSync("mount", ["-t", "tmpfs", "tmpfs", inner]);
    fill(inner);
    for (const mount of [at(source), inner]) execFileSync("mount", ["-o", `remount,bind,${flags}`, mount]);
  }
});
afterAll(() => {
  for (const source of Object.keys(SOURCES) as Source[]) execFileSync("umount", ["--recursive", at(source)]);
});

function fill(folder: string): void {
  const inFolder = (name: string): string => join(folder, name);
  writeFileSync(inFolder("file"), "text\n");
  writeFileSync(inFolder("program"), "#!/bin/sh\necho ran\n", { mode: 0o755 });
  copyFileSync(join(lab.rootfs, "bin/id"), inFolder("id"));
  chmodSync(inFolder("id"), 0o4755);
  execFileSync("mknod", ["-m", "666", inFolder("zero"), "c", "1", "5"]);
  symlinkSync("file", inFolder("link"));
}

const mounted = (source: Source, options: readonly string[], more: Overrides = {}): Overrides => ({
  ...more,
  spec: { mounts: [...(lab.spec([]).mounts ?? []), { destination: "/here", type: "bind", source: at(source), options: ["rbind", ...options] }] },
});
const ids = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
/** There the mount is made elsewhere: by the monitor, outside the user namespace. */
const mappedIds: Overrides = { linux: { namespaces: [...NAMESPACES, "user" as const].map((type) => ({ type })), uidMappings: ids, gidMappings: ids } };

/** The flags of /here and of /here/inner. */
async function flagsOf(overrides: Overrides): Promise<readonly string[]> {
  const { stdout } = await lab.shell("for path in /here /here/inner; do grep \" $path \" /proc/self/mountinfo | cut -d ' ' -f 6; done", overrides);
  return stdout.trim().split("\n");
}

/** A word, the source where it changes something, and what it changes there. */
const WORDS: readonly (readonly [word: string, source: Source, before: string, after: string])[] = [
  ["ro", "open", "rw", "ro"],
  ["nosuid", "open", "rw", "rw,nosuid"],
  ["nodev", "open", "rw", "rw,nodev"],
  ["noexec", "open", "rw", "rw,noexec"],
  ["noatime", "open", ",relatime", ",noatime"],
  ["strictatime", "open", ",relatime", ""],
  ["nodiratime", "open", ",relatime", ",nodiratime,relatime"],
  ["nosymfollow", "open", ",relatime", ",relatime,nosymfollow"],
  ["rw", "narrow", "ro", "rw"],
  ["suid", "narrow", ",nosuid", ""],
  ["dev", "narrow", ",nodev", ""],
  ["exec", "narrow", ",noexec", ""],
  ["atime", "narrow", ",noatime,nodiratime", ",nodiratime,relatime"],
  ["relatime", "narrow", ",noatime,nodiratime", ",nodiratime,relatime"],
  ["diratime", "narrow", ",nodiratime", ""],
  ["symfollow", "narrow", ",nosymfollow", ""],
];
const rows = WORDS.map(([word, source, before, after]) => ({ word, source, kept: SOURCES[source], changed: SOURCES[source].replace(before, after) }));

describe.each([
  { where: "a bind", more: {} },
  { where: "a bind into a user namespace", more: mappedIds },
])("attributes of $where", ({ more }) => {
  test.each(rows)("$word is of the mount alone, r$word of all below it too", async ({ word, source, kept, changed }) => {
    expect(await flagsOf(mounted(source, [], more))).toEqual([kept, kept]);
    expect(await flagsOf(mounted(source, [word], more))).toEqual([changed, kept]);
    expect(await flagsOf(mounted(source, [`r${word}`], more))).toEqual([changed, changed]);
  });

  test("one recursive word takes no other along", async () => {
    expect(await flagsOf(mounted("open", ["noexec", "nosuid", "rro", "nodev"], more))).toEqual(["ro,nosuid,nodev,noexec,relatime", "ro,relatime"]);
  });

  test("of words that contradict each other the last one holds", async () => {
    expect(await flagsOf(mounted("open", ["ro", "noexec", "rw", "noatime", "relatime", "exec", "rro", "rrw"], more))).toEqual([SOURCES.open, SOURCES.open]);
  });
});

test("every attribute that features names stands here", () => {
  const shown = new Set(WORDS.flatMap(([word]) => [word, `r${word}`]));
  const others = MOUNT_OPTION_WORDS.filter((word) => !shown.has(word));
  const propagation = ["private", "shared", "slave", "unbindable"].flatMap((word) => [word, `r${word}`]);
  /** What is so anyway, or no attribute. */
  const neutral = "async bind defaults idmap loud nolazytime nomand noiversion norelatime nostrictatime rbind ridmap silent tmpcopyup".split(" ");
  expect(others).toEqual([...propagation, ...neutral].toSorted());
});

describe("what a recursive attribute does in a mount below", () => {
  const effects = [
    { word: "rro", script: "touch new && echo made", without: "made\n", says: "Read-only file system" },
    { word: "rnoexec", script: "./program", without: "ran\n", says: "Permission denied" },
    { word: "rnodev", script: "head -c 1 zero | wc -c", without: "1\n", says: "Permission denied" },
    { word: "rnosymfollow", script: "cat link", without: "text\n", says: "Too many levels of symbolic links" },
  ];
  test.each(effects)("$word: $says", async ({ word, script, without, says }) => {
    const linux: Overrides = { linux: { resources: { devices: [{ allow: true, access: "rwm" }] } } };
    const look = async (...options: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> =>
      await lab.shell(`cd /here/inner; ${script}`, mounted("open", options, linux));
    expect(await look()).toMatchObject({ stdout: without, stderr: "" });
    expect(await look(word)).toMatchObject({ stdout: expect.not.stringContaining(without.trim()), stderr: expect.stringContaining(says) });
  });

  test("rnosuid: a program that belongs to root runs as whoever starts it", async () => {
    const user: Overrides = { process: { user: { uid: 1000, gid: 1000 } } };
    const idOf = async (...options: readonly string[]): Promise<string> => (await lab.shell("/here/inner/id -u", mounted("open", options, user))).stdout;
    expect([await idOf(), await idOf("rnosuid"), await idOf("nosuid")]).toEqual(["0\n", "1000\n", "0\n"]);
  });

  test("rnoatime: reading a file leaves no mark", async () => {
    const readAt = async (...options: readonly string[]): Promise<string> => {
      utimesSync(join(at("open"), "inner/file"), 1000, 1000);
      return (await lab.shell("cat /here/inner/file > /dev/null; stat -c %X /here/inner/file", mounted("open", options))).stdout;
    };
    expect([await readAt("rnoatime"), await readAt("noatime")]).toEqual(["1000\n", expect.not.stringMatching(/^1000\n/)]);
  });
});

describe("beyond attributes", () => {
  test("tmpcopyup begins with what it covers", async () => {
    const mounts = [...(lab.spec([]).mounts ?? []), { destination: "/etc", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "mode=755"] }];
    const { stdout } = await lab.shell("head -1 /etc/passwd; stat -c %a /etc/passwd; touch /etc/x; grep -c ' /etc .*tmpfs' /proc/self/mountinfo", {
      spec: { mounts },
    });
    expect(stdout).toBe("root:x:0:0:root:/root:/bin/sh\n644\n1\n");
  });

  test("tmpcopyup keeps extended attributes: a program's capabilities", async () => {
    const folder = join(lab.rootfs, "capable");
    mkdirSync(folder);
    copyFileSync("/bin/cat", join(folder, "cat"));
    execFileSync("setcap", ["cap_net_bind_service+ep", join(folder, "cat")]);
    const mounts = [...(lab.spec([]).mounts ?? []), { destination: "/capable", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "mode=755"] }];
    const { stdout } = await lab.shell("/capable/cat /proc/self/status | grep CapEff", {
      spec: { mounts },
      process: { user: { uid: 1000, gid: 1000 }, noNewPrivileges: false },
    });
    expect(stdout).toBe("CapEff:\t0000000000000400\n");
  });

  const refusals = [
    ["an option that no bind has", { options: ["bind", "size=5m"] }, /a bind has no option "size=5m"/],
    ["a remount", { type: "tmpfs", source: "tmpfs", options: ["remount"] }, /nothing to remount/],
    ["mapped ids of what is no bind", { type: "tmpfs", source: "tmpfs", options: ["idmap"] }, /only the ids of a bind/],
    ["idmap without a map", { options: ["bind", "idmap"] }, /Cannot map the ids of \/here/],
    ["ridmap without a map", { options: ["bind", "ridmap"] }, /uidMappings and gidMappings/],
    ["tmpcopyup of another file system", { type: "proc", source: "proc", options: ["tmpcopyup"] }, /only a tmpfs/],
    ["an option that the file system does not know", { type: "tmpfs", source: "tmpfs", options: ["colour=red"] }, /colour.*EINVAL/],
    ["a destination that climbs", { destination: "/a/../../b", options: ["bind"] }, /the path climbs/],
  ] as const;
  test.each(refusals)("%s is refused", async (_, mount, says) => {
    const mounts = [...(lab.spec([]).mounts ?? []), { destination: "/here", type: "bind", source: lab.rootfs, ...mount }];
    await expect(lab.shell("true", { spec: { mounts } })).rejects.toThrow(says);
  });
});
