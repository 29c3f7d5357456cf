/** What an image or a volume prepares for the runtime while it makes the root. Items are those of the hardening list, rows name the advisory that they are like. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DEFAULT_MOUNTS, MASKED_PATHS } from "../../runtime/defaults.ts";
import { CAPABILITIES } from "../../runtime/process/capabilities.ts";
import type { MountSpec } from "../../runtime/spec.ts";
import { removeTree } from "../../store/remove-tree.ts";
import { maliciousLayer, openLab, type Lab } from "./lab.ts";

let lab: Lab;
/** A folder of the host that nothing in a container may reach. */
let outside: string;
beforeAll(async () => {
  lab = await openLab();
  outside = join(lab.folder, "outside");
  mkdirSync(outside);
  writeFileSync(join(outside, "secret"), "host");
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

const climb = "../../../../../../../../../../..";
const bare = DEFAULT_MOUNTS.filter(({ destination }) => destination !== "/dev" && !destination.startsWith("/dev/"));

function folder(name: string): string {
  const path = join(lab.folder, `${name}-${lab.id()}`);
  mkdirSync(path);
  return path;
}

describe("item 3: where mounts go", () => {
  test.each(["proc", "sys", "dev"])("/%s as a link is refused (CVE-2019-19921, CVE-2026-41579)", async (name) => {
    const layer = maliciousLayer(lab, { [name]: `${climb}${outside}` });
    await expect(lab.run(["true"], { lowers: [layer, lab.rootfs] })).rejects.toMatchObject({ code: "LAUNCH_FAILED", step: "target", errno: "ELOOP" });
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe("host");
  });

  test.each([
    ["absolute", (): string => outside],
    ["climbing", (): string => `${climb}${outside}`],
  ])("a mount target behind an %s link stays inside the root (CVE-2021-30465)", async (_, target) => {
    const source = folder("source");
    writeFileSync(join(source, "file"), "");
    const layer = maliciousLayer(lab, { data: target() });
    const mounts = [...DEFAULT_MOUNTS, { destination: "/data/inner", type: "bind", source, options: ["bind"] }];
    const { stdout } = await lab.shell("ls /data/inner", { lowers: [layer, lab.rootfs], spec: { mounts } });
    expect(stdout).toBe("file\n");
    expect(existsSync(join(outside, "inner"))).toBe(false);
  });

  test("a mount target behind a link of /proc is refused", async () => {
    const layer = maliciousLayer(lab, { data: `/proc/self/root${outside}` });
    const mounts = [...DEFAULT_MOUNTS, { destination: "/data/inner", type: "tmpfs", source: "tmpfs" }];
    await expect(lab.run(["true"], { lowers: [layer, lab.rootfs], spec: { mounts } })).rejects.toMatchObject({ step: "target", errno: "ELOOP" });
    expect(existsSync(join(outside, "inner"))).toBe(false);
  });

  test("a mount target that is a link to nowhere is made inside the root", async () => {
    const source = join(lab.folder, `resolv-${lab.id()}`);
    writeFileSync(source, "nameserver 10.0.0.1\n");
    const layer = maliciousLayer(lab, { "etc/resolv.conf": "../run/systemd/resolve/stub-resolv.conf" });
    const mounts = [...DEFAULT_MOUNTS, { destination: "/etc/resolv.conf", type: "bind", source, options: ["bind", "ro"] }];
    const { stdout } = await lab.shell("cat /etc/resolv.conf; stat -c %F /etc/resolv.conf", { lowers: [layer, lab.rootfs], spec: { mounts } });
    expect(stdout).toBe("nameserver 10.0.0.1\nsymbolic link\n");
  });

  test("links that turn in a circle are refused", async () => {
    const layer = maliciousLayer(lab, { "loop/a": "b", "loop/b": "a" });
    const mounts = [...DEFAULT_MOUNTS, { destination: "/loop/a/b", type: "tmpfs", source: "tmpfs" }];
    await expect(lab.run(["true"], { lowers: [layer, lab.rootfs], spec: { mounts } })).rejects.toMatchObject({ step: "target", errno: "ELOOP" });
  });

  test("a volume whose folder is swapped for a link during create takes no mount out of the root (CVE-2021-30465)", { timeout: 300_000 }, async () => {
    const volume = folder("volume");
    mkdirSync(join(volume, "at"));
    symlinkSync(`${climb}${outside}`, join(volume, "link"));
    const mounts = [
      ...DEFAULT_MOUNTS,
      { destination: "/volume", type: "bind", source: volume, options: ["rbind"] },
      { destination: "/volume/at/made/deep", type: "tmpfs", source: "tmpfs" },
    ];
    const swapper = spawn(join(lab.rootfs, "bin/probe"), ["swap", join(volume, "at"), join(volume, "link"), "300"], { stdio: "ignore" });
    const seen = new Set<string>();
    try {
      for (let turn = 0; turn < 150 && seen.size < 2; turn++) {
        const answer = await lab
          .shell("while read -r _ _ _ _ where _; do case $where in */made/deep) echo $where;; esac; done < /proc/self/mountinfo", { spec: { mounts } })
          .then(
            ({ stdout }) => stdout.trim(),
            () => "refused",
          );
        seen.add(answer.startsWith("/volume/") ? "in the volume" : answer === "refused" ? "refused" : "at the link's place in the root");
        expect(readdirSync(outside)).toEqual(["secret"]);
      }
    } finally {
      swapper.kill("SIGKILL");
    }
    expect(seen.size, "the race is on").toBeGreaterThan(1);
  });
});

describe("item 4: the image's own /dev", () => {
  test("as a link out of the root, bound over by another folder, stays in the root (CVE-2026-41579)", async () => {
    const layer = maliciousLayer(lab, { dev: `${climb}${outside}` });
    const mounts: readonly MountSpec[] = [...bare, { destination: "/dev", type: "bind", source: folder("devices"), options: ["rbind"] }];
    await lab.run(["true"], { lowers: [layer, lab.rootfs], spec: { mounts } }).catch(() => undefined);
    expect(readdirSync(outside)).toEqual(["secret"]);
  });

  test("with a link in the place of a device gets no node of the host's behind it (CVE-2026-47766)", async () => {
    const layer = maliciousLayer(lab, { "dev/deep": `${climb}${outside}` });
    const devices = [{ path: "/dev/deep/node", type: "c" as const, major: 1, minor: 3 }];
    const { stdout } = await lab.shell("ls /dev/deep; stat -c %F /dev", { lowers: [layer, lab.rootfs], linux: { devices } });
    expect(stdout).toBe("node\ndirectory\n"); // the tmpfs that covers the image's /dev has it
    expect(readdirSync(outside)).toEqual(["secret"]);
  });
});

describe("item 5: what stands for /dev/null and the terminal", () => {
  test.each([
    ["a file", {}, { "dev/null": "all yours" }],
    ["a link to what should be hidden", { "dev/null": "../proc/kcore" }, {}],
  ] as const)("%s as /dev/null masks nothing, so the launch is refused (CVE-2025-31133)", async (_, links, files) => {
    const layer = maliciousLayer(lab, links, files);
    await expect(lab.run(["true"], { lowers: [layer, lab.rootfs], spec: { mounts: bare } })).rejects.toMatchObject({ code: "LAUNCH_FAILED" });
  });

  test.each([
    ["a file as /dev/pts/ptmx", {}, { "dev/pts/ptmx": "x" }],
    ["a link as /dev/pts/ptmx", { "dev/pts/ptmx": "../../proc/sysrq-trigger" }, {}],
    ["a link as /dev/pts", { "dev/pts": "../proc" }, {}],
  ] as const)("%s gives no terminal (CVE-2025-52565)", async (_, links, files) => {
    const layer = maliciousLayer(lab, links, files);
    const request = lab.request(["true"], { lowers: [layer, lab.rootfs], spec: { mounts: bare }, process: { terminal: true } });
    await expect(lab.processes.run({ ...request, stdio: { kind: "monitor", stdin: false } })).rejects.toMatchObject({
      code: "LAUNCH_FAILED",
      step: "terminal",
    });
  });

  test("the terminal is never mounted through a link that stands for /dev/console (CVE-2025-52565)", async () => {
    const layer = maliciousLayer(lab, { "dev/console": "../proc/uptime" });
    const pts = DEFAULT_MOUNTS.filter(({ destination }) => destination === "/dev/pts");
    const request = lab.request(["sh", "-c", "stat -c %t:%T /proc/uptime"], {
      lowers: [layer, lab.rootfs],
      spec: { mounts: [...bare, ...pts] },
      linux: { maskedPaths: [], readonlyPaths: [] },
      process: { terminal: true },
    });
    const { attachment } = await lab.processes.run({ ...request, stdio: { kind: "monitor", stdin: false } }, { attach: true });
    let text = "";
    for await (const { data } of attachment?.output ?? []) text += Buffer.from(data).toString();
    expect(text).toBe("0:0\r\n"); // still the kernel's file, no pty
  });
});

describe("item 6: what is written to /proc", () => {
  test("a sysctl reaches the kernel, never what a container put in the place of /proc (CVE-2025-52881)", async () => {
    const fake = folder("fake-proc");
    mkdirSync(join(fake, "sys/net/ipv4"), { recursive: true });
    symlinkSync(join(outside, "secret"), join(fake, "sys/net/ipv4/ip_unprivileged_port_start"));
    const mounts: readonly MountSpec[] = [
      ...DEFAULT_MOUNTS.filter(({ destination }) => destination !== "/proc"),
      { destination: "/proc", type: "bind", source: fake, options: ["rbind"] },
      { destination: "/real", type: "proc", source: "proc" },
    ];
    const { stdout } = await lab.shell("cat /real/sys/net/ipv4/ip_unprivileged_port_start", {
      spec: { mounts },
      linux: { sysctl: { "net.ipv4.ip_unprivileged_port_start": "5" }, maskedPaths: [], readonlyPaths: [] },
    });
    expect(stdout).toBe("5\n");
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe("host");
  });
});

describe("item 7: masked folders", () => {
  test("are one read-only file system that holds nothing, for a program with every capability too", async () => {
    const hidden = ["/proc/acpi", "/proc/scsi", "/sys/firmware", "/tmp"].filter((path) => existsSync(path));
    const { stdout } = await lab.shell(
      `for at in ${hidden.join(" ")}; do touch $at/x && echo written; grep " $at " /proc/self/mountinfo | cut -d' ' -f3; done; ls ${hidden.join(" ")} | grep -v :`,
      {
        process: { capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES } },
        linux: { maskedPaths: [...MASKED_PATHS, "/tmp"], seccomp: { defaultAction: "SCMP_ACT_ALLOW" } },
      },
    );
    const devices = stdout.split("\n").filter((line) => line !== "");
    expect(devices.length).toBe(hidden.length);
    expect(new Set(devices).size).toBe(1);
  });

  test("and files show nothing of the host", async () => {
    const { stdout } = await lab.shell("cat /proc/kcore | head -c 1 | wc -c; cat /proc/timer_list | wc -c; touch /sys/firmware/x || echo refused");
    expect(stdout).toBe("0\n0\nrefused\n");
  });
});

describe("item 14: flags of what is bound", () => {
  /** A file system of the host's with flags, and one more mounted in it. */
  async function withMounts<T>(work: (source: string) => Promise<T>): Promise<T> {
    const source = folder("flags");
    execFileSync("mount", ["-t", "tmpfs", "-o", "nosuid,nodev,noexec", "tmpfs", source]);
    try {
      mkdirSync(join(source, "inner"));
      execFileSync("mount", ["-t", "tmpfs", "tmpfs", join(source, "inner")]);
      return await work(source);
    } finally {
      execFileSync("umount", ["--recursive", "--lazy", source]);
    }
  }
  const look = "grep ' /mnt ' /proc/self/mountinfo | cut -d' ' -f6; touch /mnt/inner/x 2>/dev/null || echo refused";

  test.each([
    { options: ["rbind"], flags: "rw,nosuid,nodev,noexec", inner: "" },
    { options: ["rbind", "ro"], flags: "ro,nosuid,nodev,noexec", inner: "" },
    { options: ["rbind", "rro"], flags: "ro,nosuid,nodev,noexec", inner: "refused\n" },
  ])("$options keeps nosuid, nodev and noexec, and reaches as deep as it says", async ({ options, flags, inner }) => {
    const { stdout } = await withMounts(async (source) => {
      const mounts = [...DEFAULT_MOUNTS, { destination: "/mnt", type: "bind", source, options }];
      return await lab.shell(look, { spec: { mounts } });
    });
    expect(stdout).toBe(`${flags},relatime\n${inner}`);
  });
});

describe("item 20: trees and names", () => {
  test("a tree is never removed through a mount that appeared in it", async () => {
    const tree = folder("tree");
    mkdirSync(join(tree, "volume"));
    execFileSync("mount", ["--bind", outside, join(tree, "volume")]);
    try {
      await expect(removeTree(tree)).rejects.toMatchObject({ code: "MOUNT_BELOW" });
      expect(readdirSync(outside)).toEqual(["secret"]);
    } finally {
      execFileSync("umount", [join(tree, "volume")]);
    }
    await removeTree(tree);
    expect(existsSync(tree)).toBe(false);
  });

  test.each(["../x", "..", ".", "a/../../b", "/etc"])("%j is refused as id and as name of groups", async (name) => {
    const request = lab.request(["true"]);
    await expect(lab.processes.create({ ...request, id: name, stdio: { kind: "monitor", stdin: false } })).rejects.toMatchObject({ code: "NAME_INVALID" });
    if (name.includes("..")) await expect(lab.run(["true"], { linux: { cgroupsPath: `/${name}` } })).rejects.toMatchObject({ code: "SPEC_INVALID" });
  });

  test("a mount target that climbs is refused before anything is made", async () => {
    const mounts = [...DEFAULT_MOUNTS, { destination: "/tmp/../../etc", type: "tmpfs", source: "tmpfs" }];
    await expect(lab.run(["true"], { spec: { mounts } })).rejects.toMatchObject({ code: "SPEC_INVALID" });
  });
});
