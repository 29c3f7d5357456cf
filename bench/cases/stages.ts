/** Six stages that know nothing of each other and take a second each; the floor is one second. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BASE_IMAGE } from "../builder.ts";
import { buildCase } from "./build.ts";

const NUMBERS = [1, 2, 3, 4, 5, 6];
const DOCKERFILE = [
  ...NUMBERS.map((number) => `FROM ${BASE_IMAGE} AS stage${number}\nRUN sleep 1 && echo ${number} > /out${number}\n`),
  "FROM scratch\n",
  ...NUMBERS.map((number) => `COPY --from=stage${number} /out${number} /\n`),
].join("");

export const stages = buildCase({
  name: "stages",
  title: "six independent one-second stages",
  rounds: 3,
  prepare: async (context) => {
    await writeFile(join(context, "Dockerfile"), DOCKERFILE);
  },
  phases: [{ name: "cold", budget: { BuildKit: 0.7 } }],
});
