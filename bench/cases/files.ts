/** COPY of 20,000 files, as node_modules is: all new, all known, one changed. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BASE_IMAGE } from "../builder.ts";
import { buildCase } from "./build.ts";

const FOLDERS = 400;
const FILES_PER_FOLDER = 50;

export const files = buildCase({
  name: "files",
  title: "COPY of 20,000 files",
  rounds: 3,
  prepare: async (context) => {
    for (let folder = 0; folder < FOLDERS; folder++) {
      const path = join(context, "tree", `${folder % 20}`, `${folder}`);
      await mkdir(path, { recursive: true });
      await Promise.all(Array.from({ length: FILES_PER_FOLDER }, async (_, file) => await writeFile(join(path, `${file}.js`), contentOf(folder, file))));
    }
    await writeFile(join(context, "Dockerfile"), `FROM ${BASE_IMAGE}\nCOPY tree /srv/tree\n`);
  },
  phases: [
    { name: "cold", budget: { BuildKit: 0.3 } },
    { name: "cached", budget: { BuildKit: 0.5 } },
    {
      name: "one file edited",
      before: async (context, round) => {
        await writeFile(join(context, "tree/7/7/7.js"), `edited ${round} ${Date.now()}\n`);
      },
      budget: { BuildKit: 0.15 },
    },
  ],
});

/** 1 to 8 KiB of text, another in each file. */
function contentOf(folder: number, file: number): string {
  return `export const name = "${folder}/${file}";\n`.repeat(25 + ((folder * 7 + file * 13) % 175));
}
