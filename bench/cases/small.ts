/** Ten instructions with five RUNs, as a small service has them; then the same build again. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BASE_IMAGE } from "../builder.ts";
import { buildCase } from "./build.ts";

const DOCKERFILE = `FROM ${BASE_IMAGE}
ENV MODE=production
WORKDIR /srv/app
COPY app app
RUN mkdir -p data logs && echo one > data/one
RUN cp data/one data/two
RUN cat app/main.js data/two > data/three
RUN touch logs/app.log && chmod 640 logs/app.log
RUN rm data/one && ls -l data > listing
CMD ["cat", "listing"]
`;

export const small = buildCase({
  name: "small",
  title: "10 instructions, 5 RUNs",
  rounds: 7,
  prepare: async (context) => {
    await mkdir(join(context, "app"));
    for (const name of ["main.js", "config.json", "README"]) await writeFile(join(context, "app", name), `${name}\n`.repeat(100));
    await writeFile(join(context, "Dockerfile"), DOCKERFILE);
  },
  phases: [
    { name: "cold", budget: { BuildKit: 0.3, buildah: 0.2 } },
    { name: "cached", budget: { BuildKit: 0.7, buildah: 0.15 } },
  ],
});
