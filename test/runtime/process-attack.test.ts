/** Attacks that have worked against runtimes, tried again. Each row names the advisory that it is like. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DEFAULT_MOUNTS } from "../../runtime/defaults.ts";
import { helper } from "../support/root.ts";
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

describe("an image's own links", () => {
  test.each(["proc", "sys", "dev"])("/%s as a link is refused (CVE-2019-19921, CVE-2026-41579)", async (name) => {
    const layer = maliciousLayer(lab, { [name]: `${climb}${outside}` });
    await expect(lab.run(["true"], { lowers: [layer, lab.rootfs] })).rejects.toMatchObject({ code: "LAUNCH_FAILED", step: "target", errno: "ELOOP" });
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe("host");
  });

  test.each([
    ["absolute", (): string => outside],
    ["climbing", (): string => `${climb}${outside}`],
  ])("a mount target behind an %s link stays inside the root (CVE-2021-30465)", async (_, target) => {
    const source = join(lab.folder, `source-${lab.id()}`);
    mkdirSync(source);
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

  test("a working folder behind a link is made inside the root", async () => {
    const layer = maliciousLayer(lab, { work: `${climb}${outside}/made` });
    const { stdout } = await lab.shell("pwd -P", { lowers: [layer, lab.rootfs], process: { cwd: "/" } });
    expect(stdout).toBe("/\n");
    await lab.run(["true"], { lowers: [layer, lab.rootfs], process: { cwd: "/work/x" } }).catch(() => undefined);
    expect(existsSync(join(outside, "made"))).toBe(false);
  });
});

describe("what should be hidden stays hidden", () => {
  test("a false /dev/null masks nothing, so the launch is refused (CVE-2025-31133)", async () => {
    const layer = maliciousLayer(lab, {}, { "dev/null": "all yours" });
    const mounts = DEFAULT_MOUNTS.filter(({ destination }) => destination !== "/dev" && !destination.startsWith("/dev/"));
    await expect(lab.run(["true"], { lowers: [layer, lab.rootfs], spec: { mounts } })).rejects.toMatchObject({ errno: "ENODEV" });
  });

  test("a masked folder cannot be written through", async () => {
    const { stdout } = await lab.shell("touch /sys/firmware/x || echo refused");
    expect(stdout).toBe("refused\n");
  });

  test("what is masked stays so for a program with all the container's capabilities", async () => {
    const { stdout } = await lab.shell("cat /proc/kcore | head -c 1 | wc -c; cat /proc/timer_list | wc -c");
    expect(stdout).toBe("0\n0\n");
  });
});

describe("a way back to the host", () => {
  test.each(["/proc/self/fd/3", "/proc/self/fd/4", "/proc/self/fd/7", "/proc/self/fd/9"])(
    "the working folder %s leads nowhere (CVE-2024-21626)",
    async (cwd) => {
      const outcome = await lab.shell("cat ../../../../../../etc/shadow | wc -c", { process: { cwd } }).catch((error: unknown) => error);
      expect(outcome).toMatchObject({ code: "LAUNCH_FAILED", step: "cwd" });
    },
  );

  test("the helper cannot be overwritten by what runs in its place (CVE-2019-5736)", async () => {
    const hash = (): string => createHash("sha256").update(readFileSync(helper)).digest("hex");
    const before = hash();
    // The entry point is a script whose interpreter is the helper itself, as a container's first process sees it.
    const layer = maliciousLayer(lab, {}, { "bin/again": "#!/proc/self/exe\n" });
    await lab.run(["/bin/again"], { lowers: [layer, lab.rootfs] }).catch(() => undefined);
    const { state } = await lab.processes.run({
      ...lab.request([
        "sh",
        "-c",
        "while :; do for exe in /proc/[0-9]*/exe; do [ $exe -ef /bin/sh ] || [ $exe -ef /bin/sleep ] || probe overwrite $exe; done; done",
      ]),
      stdio: { kind: "monitor", stdin: false },
    });
    const { process } = lab.spec(["sleep", "0"]);
    if (process === undefined) throw new Error("no process");
    for (let round = 0; round < 20; round++) await (await lab.processes.exec(state.id, process, { stdin: false, detach: true })).exit;
    await lab.processes.remove(state.id);
    expect(hash()).toBe(before);
  });

  test("a process that joins is not to be read or traced by those inside", async () => {
    // Everything that exec'd processes show of themselves before execve: their open files and their memory map.
    const { state } = await lab.processes.run({
      ...lab.request(["sh", "-c", "while :; do for p in /proc/[0-9]*; do [ $p = /proc/1 ] || ls -l $p/fd 2>/dev/null; done; done"]),
      stdio: { kind: "monitor", stdin: false, log: { path: join(lab.folder, "seen.log"), format: "cri" } },
    });
    const { process } = lab.spec(["sleep", "0"]);
    if (process === undefined) throw new Error("no process");
    for (let round = 0; round < 20; round++) await (await lab.processes.exec(state.id, process, { stdin: false, detach: true })).exit;
    await lab.processes.remove(state.id);
    expect(readFileSync(join(lab.folder, "seen.log"), "utf8")).not.toContain(lab.folder);
  });

  test("a file system of the host is not seen through /proc/1/root or the old root", async () => {
    const { stdout } = await lab.shell(
      `ls /proc/1/root | tr '\\n' ' '; ls /proc/1/root${outside} 2>/dev/null; cat /proc/self/mountinfo | grep -c ${lab.folder}/outside`,
    );
    expect(stdout).toBe("bin dev etc lib lib64 proc root sys tmp 0\n");
  });
});
