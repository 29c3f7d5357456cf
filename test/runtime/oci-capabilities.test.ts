/** The five sets of capabilities, each unlike the others: execve makes new ones of two of them, so these show in its own success, and in capset. */
import { chmodSync, copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { openedForAll } from "../support/opened.ts";
import type { Overrides } from "./lab.ts";
import { openOciLab } from "./oci-lab.ts";

const oci = openedForAll(openOciLab);

const sets = {
  bounding: ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT"],
  permitted: ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
  inheritable: ["CAP_KILL", "CAP_NET_BIND_SERVICE"],
  effective: ["CAP_CHOWN", "CAP_DAC_OVERRIDE"],
  ambient: ["CAP_NET_BIND_SERVICE"],
};
const user = { uid: 12, gid: 13 };
const process = (more: Partial<typeof sets> = {}): Overrides => ({ process: { user, capabilities: { ...sets, ...more } } });

beforeAll(() => {
  const folder = join(oci.lab.rootfs, "secret");
  mkdirSync(folder);
  copyFileSync(join(oci.lab.rootfs, "bin/probe"), join(folder, "probe"));
  chmodSync(folder, 0o700);
});

test("bounding, inheritable and ambient are what a user's program has; the ambient ones are permitted and effective", async () => {
  const { stdout } = await oci.lab.shell("grep ^Cap /proc/self/status | tr -d '\\t'", process());
  const line = (name: string, bits: string): string => `${name}:${bits.padStart(16, "0")}\n`;
  expect(stdout).toBe(line("CapInh", "420") + line("CapPrm", "400") + line("CapEff", "400") + line("CapBnd", "40423") + line("CapAmb", "400"));
});

test("effective and permitted are what execve itself is done with", async () => {
  const [line, ...more] = (await oci.traced("capset", oci.bundle("true", process()))).filter((one) => one.includes("capset("));
  const words = (name: keyof typeof sets): string => `${name}=${sets[name].map((word) => `1<<${word}`).join("|")}`;
  expect(line).toContain(`{${words("effective")}, ${words("permitted")}, ${words("inheritable")}}) = 0`);
  expect(more).toEqual([]);
});

test("an effective capability opens the way to the program, a permitted one does not", async () => {
  const args = ["/secret/probe", "descriptors"];
  expect((await oci.lab.run(args, process())).stdout).toBe("0 1 2 \n");
  await expect(oci.lab.run(args, process({ effective: ["CAP_CHOWN"] }))).rejects.toMatchObject({ code: "COMMAND_NOT_EXECUTABLE", step: "execve" });
});
