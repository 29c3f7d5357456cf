/** Runs in the machine: containers whose files are bounded by a disk of their own, on the kernel of Debian 12. */
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync } from "node:fs";
import { showDisk } from "../../runtime/engine/shown-disk.ts";
import { makeDisk } from "../../store/snapshot/disk.ts";
import type { Say } from "./say.ts";

const MIB = 1 << 20;
const SIZE = 16 * MIB;
const FOLDER = "/tmp/bounded";

export interface Disk {
  readonly image: string;
  readonly target: string;
}

export async function disks(say: Say, helper: string, run: (script: string, disk: Disk) => Promise<string>): Promise<void> {
  mkdirSync(FOLDER);
  await makeDisk(FOLDER, SIZE, (folder) => {
    mkdirSync(`${folder}/fs`);
    mkdirSync(`${folder}/work`);
  });
  const disk = { image: `${FOLDER}/disk`, target: `${FOLDER}/mounted` };
  const said = await run("dd if=/dev/zero of=/big bs=1M count=32 2>&1 | grep -o 'No space left on device'", disk);
  say("what a program that writes 32 MiB to 16 MiB of storage is told", "No space left on device", said);
  {
    await using shown = await showDisk(helper, disk);
    const { size } = statSync(`${shown.upper}/big`);
    say("what is there then", "12 MiB to 16 MiB", `${(size / MIB).toFixed(1)} MiB`, size > 12 * MIB && size < SIZE);
  }
  await run("rm /big; echo again > /more", disk);
  {
    await using shown = await showDisk(helper, disk);
    say("its files after a second run", "more", readdirSync(shown.upper).sort().join(" "));
  }
  say(
    "loop devices left",
    "none",
    readdirSync("/sys/block")
      .filter((name) => existsSync(`/sys/block/${name}/loop/backing_file`))
      .join(" ") || "none",
  );
  say("disks mounted in the machine", "none", readFileSync("/proc/mounts", "utf8").includes(FOLDER) ? "some" : "none");
}
