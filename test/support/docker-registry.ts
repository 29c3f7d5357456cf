/** Debian's docker-registry on a free port, on a folder of its own. It has no referrers API. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { eventually } from "./cluster.ts";

export interface DockerRegistry extends AsyncDisposable {
  /** `127.0.0.1:<port>` */
  readonly host: string;
}

export async function startDockerRegistry(folder: string): Promise<DockerRegistry> {
  const host = `127.0.0.1:${await freePort()}`;
  const config = join(folder, "docker-registry.yml");
  writeFileSync(config, `version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: ${join(folder, "docker-registry")}\nhttp:\n  addr: ${host}\n`);
  const child = spawn("docker-registry", ["serve", config], { stdio: "ignore" });
  const ended = once(child, "exit");
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  try {
    await eventually(async () => void (await fetch(`http://${host}/v2/`)));
  } catch (error) {
    await stop();
    throw error;
  }
  return { host, [Symbol.asyncDispose]: stop };
}
