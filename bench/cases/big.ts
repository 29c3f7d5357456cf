/** COPY of 1 GiB that no compression shrinks and of 512 MiB of text. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BASE_IMAGE } from "../builder.ts";
import { writeNoise, writeText } from "../content.ts";
import { buildCase } from "./build.ts";

export const big = buildCase({
  name: "big",
  title: "COPY of 1 GiB incompressible + 512 MiB text",
  rounds: 3,
  prepare: async (context) => {
    await writeNoise(join(context, "random.bin"), 1024);
    await writeText(join(context, "text.log"), 512);
    await writeFile(join(context, "Dockerfile"), `FROM ${BASE_IMAGE}\nCOPY random.bin text.log /data/\n`);
  },
  phases: [{ name: "cold", budget: { BuildKit: 0.4 } }],
});
