/** Programs of another machine, and a handler for them for the time of a test. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { elfProgram, MACHINES, probeProgram } from "../../builder/foreign/elf-program.ts";
import { TEST_PREFIX } from "./root.ts";

const WORD_BYTES = 4;

/** For arm64: writes `arm64` and a newline into the file, and ends with 0. */
export function writerForArm64(file: string): Buffer {
  const name = Buffer.from(`${file}\0`.padEnd(Math.ceil((file.length + 1) / WORD_BYTES) * WORD_BYTES, "\0"));
  const code = (from: number, to: number): number => (0x1000_0001 | ((to - from) << 5)) >>> 0; // adr x1
  const text = 13;
  const words = [
    0x92800c60,
    code(1, text),
    0xd2800822,
    0xd2803483,
    0xd2800708,
    0xd4000001,
    code(6, text + name.length / WORD_BYTES),
    0xd28000c2,
    0xd2800808,
    0xd4000001,
    0xd2800000,
    0xd2800ba8,
    0xd4000001,
  ];
  const bytes = Buffer.alloc(words.length * WORD_BYTES);
  words.forEach((word, at) => bytes.writeUInt32LE(word, at * WORD_BYTES));
  return elfProgram(MACHINES["arm64"]!, Buffer.concat([bytes, name, Buffer.from("arm64\n")]));
}

/** Whether this machine runs the programs of that architecture, and so has nothing to say against them. */
export function isRunHere(architecture: string, folder: string): boolean {
  const file = join(folder, `probe-${architecture}`);
  writeFileSync(file, probeProgram(architecture) ?? "", { mode: 0o755 });
  return spawnSync(file).status === 0;
}

/** QEMU for arm64, as Debian's package registers it. The name says whose it is: a later run removes what a killed one left. */
export function registerArm64(folder: string): Disposable {
  const place = join(folder, "binfmt");
  mkdirSync(place);
  execFileSync("mount", ["-t", "binfmt_misc", "binfmt_misc", place]);
  const name = `${TEST_PREFIX}${process.pid}-arm64`;
  const line = readFileSync("/usr/lib/binfmt.d/qemu-aarch64.conf", "utf8")
    .split("\n")
    .find((one) => one.startsWith(":"));
  if (line === undefined) throw new Error("Cannot register QEMU: its package brings no line for binfmt_misc");
  writeFileSync(join(place, "register"), line.replace(/^:[^:]*/, `:${name}`));
  return {
    [Symbol.dispose](): void {
      writeFileSync(join(place, name), "-1");
      execFileSync("umount", [place]);
      rmdirSync(place);
    },
  };
}

/** Through the mount that a killed run left. */
export function removeHandlers(place: string): void {
  for (const name of readdirSync(place)) if (name.startsWith(TEST_PREFIX)) writeFileSync(join(place, name), "-1");
}
