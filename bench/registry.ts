/** A registry of its own on loopback: an empty folder and a free port each time. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { STRATA } from "./base.ts";
import { BenchError } from "./errors.ts";

export type RegistryName = "docker-registry" | "strata";

export interface BenchRegistry {
  /** `127.0.0.1:<port>` */
  readonly host: string;
  readonly pid: number;
  /** It and all that it stored. */
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 30_000;

/** As each is started by who changes nothing that needs no change. */
export async function startRegistry(place: string, name: RegistryName): Promise<BenchRegistry> {
  const folder = mkdtempSync(join(place, "registry-"));
  const host = `127.0.0.1:${await freePort()}`;
  const log = join(folder, "log");
  const fd = openSync(log, "a");
  const [command = "", ...args] = name === "strata" ? [STRATA, "registry", "serve", "--listen", host] : dockerRegistry(folder, host);
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: undefined, STRATA_ROOT: join(folder, "root"), STRATA_RUN_ROOT: join(folder, "run") };
  const child = spawn(command, args, { stdio: ["ignore", fd, fd], env });
  closeSync(fd);
  const ended = once(child, "exit");
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!(await answers(host))) {
    if (child.exitCode !== null || performance.now() > deadline) throw new BenchError(`Cannot start ${name}:\n${readFileSync(log, "utf8").slice(-4000)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { host, pid: child.pid ?? 0, stop };
}

function dockerRegistry(folder: string, host: string): readonly string[] {
  const config = join(folder, "config.yml");
  writeFileSync(config, `version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: ${join(folder, "root")}\nhttp:\n  addr: ${host}\n`);
  return ["docker-registry", "serve", config];
}

async function answers(host: string): Promise<boolean> {
  return await fetch(`http://${host}/v2/`).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
