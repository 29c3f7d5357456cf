/** COPY of 1 GiB that no compression shrinks and of 512 MiB of text. */
import { createCipheriv } from "node:crypto";
import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Case } from "../case.ts";
import { BASE_IMAGE } from "../peer.ts";

const MIB = 1 << 20;

export const big: Case = {
  name: "big",
  title: "COPY of 1 GiB incompressible + 512 MiB text",
  rounds: 3,
  prepare: async (context) => {
    // The key stream of a cipher: the same bytes each time, and none repeats.
    const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16, 1), Buffer.alloc(16));
    const zeros = Buffer.alloc(MIB);
    await fill(join(context, "random.bin"), 1024, () => cipher.update(zeros));
    await fill(join(context, "text.log"), 512, (index) => textOf(index));
    await writeFile(join(context, "Dockerfile"), `FROM ${BASE_IMAGE}\nCOPY random.bin text.log /data/\n`);
  },
  phases: [{ name: "cold", budget: { BuildKit: 0.4 } }],
};

async function fill(path: string, mebibytes: number, block: (index: number) => Uint8Array): Promise<void> {
  await using file = await open(path, "w");
  for (let index = 0; index < mebibytes; index++) await file.write(block(index));
}

/** A mebibyte of lines as a log has them. */
function textOf(index: number): Buffer {
  const line = (at: number): string =>
    `2024-01-01T00:00:00.${String(at % 1000).padStart(3, "0")}Z info request ${index * 8192 + at} served in ${(at * 37) % 211} ms\n`;
  return Buffer.from(Array.from({ length: 20_000 }, (_, at) => line(at)).join("")).subarray(0, MIB);
}
