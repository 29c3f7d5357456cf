/** The three builders, with the base images under the names that the Dockerfiles ask for. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { startDockerd } from "../../bench/peers/dockerd.ts";
import { BASES } from "../base/bases.ts";
import { run } from "../command.ts";
import type { Builder } from "./builder.ts";
import { openBuilder, type Tool } from "./tool.ts";

const STRATA = fileURLToPath(new URL("../../../bin/strata.js", import.meta.url));
/** Debian's own: newer clients want a plug-in for BuildKit. */
const DOCKER = "/usr/bin/docker";

export interface Builders {
  readonly strata: Builder;
  readonly buildkit: Builder;
  readonly classic: Builder;
}

/** `userlands` are tars by the base's name; docker makes the images of them, and strata loads the same. */
export async function openBuilders(folder: string, userlands: ReadonlyMap<string, string>): Promise<Builders> {
  const command = [DOCKER, ...(await startDockerd(join(folder, "docker")))];
  const own = { STRATA_ROOT: join(folder, "strata"), STRATA_RUN_ROOT: join(folder, "strata-run") };
  const strata = [process.execPath, STRATA];
  for (const { name, standsFor } of BASES) {
    const tags = standsFor.map((tag) => (tag.includes(":") ? tag : `${tag}:latest`));
    await importBase(command, userlands.get(name) ?? "", tags);
    await run([...command, "save", "--output", join(folder, "base.tar"), ...tags]);
    await run([...strata, "load", "--input", join(folder, "base.tar")], { env: own });
  }
  const layers = new Map();
  const open = (tool: Tool): Builder => openBuilder(tool, join(folder, `builder-${tool.name}`), layers);
  const docker = { command, flags: [], prepare: (path: string) => withoutSyntax(path, join(folder, "dockerfiles")) };
  return {
    strata: open({
      name: "strata",
      command: strata,
      env: own,
      flags: ["--progress", "plain", "--context-mode", "keep"],
      tag: "conformance/strata",
      prepare: (path) => path,
    }),
    buildkit: open({ ...docker, name: "BuildKit", env: { DOCKER_BUILDKIT: "1", BUILDKIT_PROGRESS: "plain" }, tag: "conformance/buildkit" }),
    classic: open({ ...docker, name: "classic", env: { DOCKER_BUILDKIT: "0" }, tag: "conformance/classic" }),
  };
}

async function importBase(docker: readonly string[], tar: string, tags: readonly string[]): Promise<void> {
  const changes = ["ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 'CMD ["/bin/sh"]'].flatMap((change) => ["--change", change]);
  const [first = "", ...others] = tags;
  await run([...docker, "import", ...changes, tar, first]);
  for (const tag of others) await run([...docker, "tag", first, tag]);
}

/** docker would fetch the front end that the line names. The ignore file of the Dockerfile stays beside it. */
function withoutSyntax(path: string, folder: string): string {
  const text = readFileSync(path, "utf8");
  if (!/^#\s*syntax\s*=/im.test(text)) return path;
  const copy = join(folder, path);
  mkdirSync(dirname(copy), { recursive: true });
  writeFileSync(copy, text.replaceAll(/^#\s*syntax\s*=.*$/gim, "#"));
  return copy;
}
