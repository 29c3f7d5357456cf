/** A small machine under emulation whose kernel knows cgroup v2 only. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ConformanceError } from "../errors.ts";
import { findKernel, makeInitramfs } from "./kernel.ts";
import { makeDisk } from "./root-disk.ts";

export interface Machine {
  readonly kernel: string;
  readonly initramfs: string;
  readonly disk: string;
}

/** One life of the machine. */
export interface Boot {
  /** Programs of this folder, run one after the other. */
  readonly parts: readonly string[];
  /** Further words for the kernel. */
  readonly words: string;
}

const MEMORY = "1024M";
const BOOT_LIMIT_MS = 600_000;
const WORDS = "console=ttyS0 cgroup_no_v1=all panic=-1 quiet hugepages=8";

/** Everything that a boot needs, below `folder`. */
export function makeMachine(folder: string, project: string, kernelTree: string): Machine {
  return { kernel: findKernel(kernelTree), initramfs: makeInitramfs(folder, kernelTree), disk: makeDisk(folder, project) };
}

/** Boots it and waits for its end; the disk stays as it is left. Gives what the checks wrote. @throws {ConformanceError} with the end of its console when one did not end */
export async function boot(machine: Machine, { parts, words }: Boot, folder: string): Promise<string> {
  const [console, results] = [join(folder, "console"), join(folder, "results")];
  const accelerate = ["-accel", "tcg,thread=multi", "-cpu", "max"]; // KVM is often there and of no use inside another machine
  const args = ["-M", "pc", ...accelerate, "-smp", "2", "-m", MEMORY, "-nographic", "-no-reboot", "-nodefaults", "-monitor", "none"];
  const files = ["-kernel", machine.kernel, "-initrd", machine.initramfs, "-append", `${WORDS} ${words} parts="${parts.join(" ")}"`];
  const devices = ["-serial", `file:${console}`, "-serial", `file:${results}`, "-drive", `file=${machine.disk},if=virtio,format=raw,cache=unsafe`];
  const qemu = spawn("qemu-system-x86_64", [...args, ...files, ...devices], { stdio: ["ignore", "inherit", "inherit"] });
  const timer = setTimeout(() => qemu.kill("SIGKILL"), BOOT_LIMIT_MS);
  const end = (): void => void qemu.kill("SIGKILL");
  process.once("exit", end);
  await new Promise<void>((resolve, reject) => qemu.once("error", reject).once("exit", () => resolve()));
  clearTimeout(timer);
  process.removeListener("exit", end);
  const text = existsSync(results) ? readFileSync(results, "utf8") : "";
  if (text.split("end of checks").length - 1 !== parts.length)
    throw new ConformanceError(`The machine ended before its checks did:\n${text}\n${readFileSync(console, "utf8").slice(-4000)}`);
  return text;
}
