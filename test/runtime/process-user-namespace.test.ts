/** User namespaces: the container's root is nobody outside, and its files are still its own. Also without any privilege at all. */
import { execFile, execFileSync } from "node:child_process";
import { chmodSync, chownSync, lstatSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { DEFAULT_MOUNTS } from "../../runtime/defaults.ts";
import { openedForAll } from "../support/opened.ts";
import { helper, projectRoot } from "../support/root.ts";
import { NAMESPACES, openLab, type Overrides } from "./lab.ts";

const lab = openedForAll(openLab);

const maps = [{ containerID: 0, hostID: 200_000, size: 65_536 }];
const mapped: Overrides = { linux: { namespaces: [...NAMESPACES, "user" as const].map((type) => ({ type })), uidMappings: maps, gidMappings: maps } };

describe("with mapped ids", () => {
  const cases: readonly { readonly name: string; readonly script: string; readonly stdout: string }[] = [
    { name: "the program is root inside", script: "id -u; cat /proc/self/uid_map | tr -s ' '", stdout: "0\n 0 200000 65536\n" },
    { name: "the image's files are root's", script: "stat -c '%u %g' / /bin/sh /etc/passwd", stdout: "0 0\n0 0\n0 0\n" },
    {
      name: "files can be replaced, folders too",
      script: "rm -r /srv /etc/passwd 2>/dev/null; mkdir -p /srv/a; echo x > /etc/passwd; cat /etc/passwd; stat -c %u /srv",
      stdout: "x\n0\n",
    },
    { name: "devices work", script: "head -c 3 /dev/zero | wc -c; echo > /dev/null && echo ok", stdout: "3\nok\n" },
    { name: "no device can be made", script: "ls -l /dev/null > /dev/null; cat < /dev/kmsg || echo refused", stdout: "refused\n" },
    { name: "the capabilities are those of the spec", script: "grep CapEff: /proc/self/status | cut -f2", stdout: "00000000a80425fb\n" },
    { name: "the groups can be set", script: "id -G", stdout: "0\n" },
    { name: "masked paths are hidden", script: "cat /proc/keys /proc/timer_list; ls /sys/firmware", stdout: "" },
    { name: "/proc/sys is read-only", script: "echo 1 > /proc/sys/net/ipv4/ip_forward || echo refused", stdout: "refused\n" },
  ];
  test.each(cases)("$name", async ({ script, stdout }) => {
    expect((await lab.shell(script, mapped)).stdout).toBe(stdout);
  });

  test("what it writes lies unshifted on disk, so that a commit needs no change of owners", async () => {
    const request = lab.request(["sh", "-c", "echo x > /new; mkdir /folder; rm /etc/passwd"], mapped);
    await lab.processes.runOnce(request, { onOutput: () => undefined });
    const upper = request.layers?.upper ?? "";
    expect([lstatSync(join(upper, "new")).uid, lstatSync(join(upper, "folder")).uid, lstatSync(join(upper, "etc/passwd")).isCharacterDevice()]).toEqual([
      0,
      0,
      true,
    ]);
  });

  test("seen from outside it is an ordinary user", async () => {
    const { state } = await lab.processes.run({ ...lab.request(["sleep", "600"], mapped), stdio: { kind: "monitor", stdin: false } });
    expect(lstatSync(`/proc/${state.pid}`).uid).toBe(200_000);
    const { process } = lab.spec(["sh", "-c", "id -u; id -G; stat -c %u /proc/self/fd/1; pwd"]);
    if (process === undefined) throw new Error("no process");
    const { attachment } = await lab.processes.exec(state.id, { ...process, cwd: "/tmp" }, { stdin: false });
    let text = "";
    for await (const { data } of attachment?.output ?? []) text += Buffer.from(data).toString();
    expect(text).toBe("0\n0\n0\n/tmp\n");
    await lab.processes.remove(state.id);
  });

  test("a terminal works", async () => {
    const { attachment } = await lab.processes.run(
      { ...lab.request(["sh", "-c", "tty; echo said > /dev/console"], { ...mapped, process: { terminal: true } }), stdio: { kind: "monitor", stdin: true } },
      { attach: true },
    );
    let text = "";
    for await (const { data } of attachment?.output ?? []) text += Buffer.from(data).toString();
    expect(text).toBe("/dev/pts/0\r\nsaid\r\n");
  });

  test("a network of the host's is joined, its sysctls set on the way", async () => {
    const name = lab.id();
    execFileSync("ip", ["netns", "add", name]);
    try {
      const namespaces = [
        ...NAMESPACES.filter((type) => type !== "network").map((type) => ({ type })),
        { type: "user" as const },
        { type: "network" as const, path: `/run/netns/${name}` },
      ];
      const { stdout } = await lab.shell("cat /proc/sys/net/ipv4/ip_unprivileged_port_start; ls /sys/class/net; touch /sys/x || echo refused", {
        linux: { ...mapped.linux, namespaces, sysctl: { "net.ipv4.ip_unprivileged_port_start": "5" } },
      });
      expect(stdout).toBe("5\nlo\nrefused\n");
    } finally {
      execFileSync("ip", ["netns", "delete", name]);
    }
  });
});

describe("without privilege", () => {
  const UID = 54_321;
  const runAs = async (script: string): Promise<unknown> => {
    const folder = join(lab.folder, lab.id());
    for (const path of ["", "upper", "work", "run"]) {
      mkdirSync(join(folder, path), { recursive: true });
      chownSync(join(folder, path), UID, UID);
    }
    const own = [{ containerID: 0, hostID: UID, size: 1 }];
    const mounts = DEFAULT_MOUNTS.map((mount) =>
      mount.destination === "/dev/pts" ? { ...mount, options: (mount.options ?? []).filter((word) => !word.startsWith("gid=")) } : mount,
    );
    const spec = lab.spec(["sh", "-c", script], { spec: { mounts }, linux: { ...mapped.linux, uidMappings: own, gidMappings: own } });
    const request = { id: "rootless", spec, layers: { lowers: [lab.rootfs], upper: join(folder, "upper"), work: join(folder, "work") } };
    const code = `import { openProcesses } from ${JSON.stringify(join(projectRoot, "dist/runtime/open-processes.js"))};
      const processes = await openProcesses(${JSON.stringify({ runRoot: join(folder, "run"), helper })});
      let text = "";
      const exit = await processes.runOnce(${JSON.stringify(request)}, { onOutput: (stream, data) => { text += data; } });
      console.log(JSON.stringify([exit.exitCode, text]));`;
    const { stdout } = await promisify(execFile)(
      "setpriv",
      [`--reuid=${UID}`, `--regid=${UID}`, "--clear-groups", process.execPath, "--input-type=module", "-e", code],
      { cwd: "/" },
    );
    return JSON.parse(stdout);
  };

  test("a user runs a container of their own", async () => {
    chmodSync(join(lab.folder, ".."), 0o755);
    expect(
      await runAs("id -u; hostname; echo x > /new && stat -c %u /new; cat /proc/sys/kernel/hostname; ls /proc/sys/net > /dev/null; kill -0 1 && exit 3"),
    ).toEqual([3, "0\nbox\n0\nbox\n"]);
  });

  test("what is hidden is hidden there too", async () => {
    expect(await runAs("cat /proc/keys; ls /sys/firmware; echo > /proc/sys/kernel/hostname || exit 4")).toMatchObject([
      4,
      expect.not.stringContaining("keyring"),
    ]);
  });
});
