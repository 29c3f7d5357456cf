/** The network of an ordinary user's container: slirp4netns carries its connections through sockets of this user's, for nobody but root may make
 * links of this machine. One process a container; published ports are sockets that it listens on. Its addresses are its own convention. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, closeSync, constants, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { createConnection, isIPv6 } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { namedProcess, processName } from "../../store/process-id.ts";
import { removeTreeSync } from "../../store/remove-tree.ts";
import { RuntimeError } from "../errors.ts";
import type { PortMapping } from "../networks.ts";
import { carryLoopback, isOnLoopback } from "./loopback.ts";
import { isAny } from "./ruleset.ts";
import { USER_MODE, userModeFolder, userModeLoopback } from "./user-mode-address.ts";

const PROGRAM = "slirp4netns";
const MTU_BYTES = "65520";
const TUN = "/dev/net/tun";

export interface UserModeParts {
  readonly runRoot: string;
}

interface Programs {
  readonly programs: { readonly loopback: string };
}

/** The network namespace of process `pid` gets its way out, and its ports. @throws {RuntimeError} `NETWORK_FAILED`, `PORT_IN_USE` */
export async function connectUserMode(parts: UserModeParts & Programs, owner: string, pid: number, ports: readonly PortMapping[]): Promise<void> {
  const folder = userModeFolder(parts, owner);
  needTun();
  disconnectUserMode(parts, owner);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    await startProgram(folder, pid);
    for (const port of ports) await publish(join(folder, "api"), port);
    await publishOnLoopback(parts.programs.loopback, userModeLoopback(parts, owner), ports);
  } catch (error) {
    disconnectUserMode(parts, owner);
    throw error;
  }
}

/** @throws {RuntimeError} `NETWORK_FAILED` */
function needTun(): void {
  try {
    accessSync(TUN, constants.R_OK | constants.W_OK);
  } catch (error) {
    const state = (error as NodeJS.ErrnoException).code === "ENOENT" ? "is missing (modprobe tun)" : "is closed to this user (chmod 666)";
    throw new RuntimeError("NETWORK_FAILED", `Cannot connect the container: ${TUN}, which ${PROGRAM} needs, ${state}`, {
      cause: error,
      hint: "Have root mend that, or use --network none or --network host",
    });
  }
}

/** Idempotent. */
export function disconnectUserMode(parts: UserModeParts, owner: string): void {
  const folder = userModeFolder(parts, owner);
  const pid = namedProcess(textOf(join(folder, "pid")));
  if (pid !== undefined) process.kill(pid, "SIGKILL");
  removeTreeSync(folder);
}

async function startProgram(folder: string, pid: number): Promise<void> {
  const words = ["--configure", `--mtu=${MTU_BYTES}`, "--disable-host-loopback", "--enable-sandbox", "--enable-seccomp", "--ready-fd=3"];
  const log = openSync(join(folder, "log"), "w", 0o600);
  const child = begin([...words, `--api-socket=${join(folder, "api")}`, "--netns-type=path", `/proc/${pid}/ns/net`, "tap0"], log);
  if (child.pid !== undefined) writeFileSync(join(folder, "pid"), processName(child.pid)); // at once: whoever comes after a crash ends it
  const ready = child.stdio[3] as Readable;
  const [ended] = (await Promise.race([once(ready, "data"), once(child, "exit"), once(child, "error")]).catch((error: unknown) => [error])) as [unknown];
  if (ended instanceof Buffer) {
    child.unref();
    ready.destroy();
    return;
  }
  const isMissing = ended instanceof Error && (ended as NodeJS.ErrnoException).code === "ENOENT";
  if (isMissing)
    throw new RuntimeError("NETWORK_FAILED", `Cannot connect the container: ${PROGRAM} is not installed, and an ordinary user has no bridges`, {
      hint: "Install it: apt-get install slirp4netns; or use --network none or --network host",
    });
  throw new RuntimeError("NETWORK_FAILED", `Cannot connect the container: ${PROGRAM} said: ${lastLine(textOf(join(folder, "log")))}`, {
    hint: "Without it use --network none or --network host",
  });
}

/** Takes the log over. */
function begin(words: readonly string[], log: number): ChildProcess {
  try {
    return spawn(PROGRAM, words, { cwd: "/", detached: true, stdio: ["ignore", log, log, "pipe"] });
  } finally {
    closeSync(log);
  }
}

async function publish(api: string, port: PortMapping): Promise<void> {
  const { hostPort, containerPort, protocol, hostIP = "0.0.0.0" } = port;
  if (isIPv6(hostIP) && !isAny(port))
    throw new RuntimeError("UNSUPPORTED", `Cannot publish [${hostIP}]:${hostPort}/${protocol}: an ordinary user's ports are on IPv4 addresses`, {
      hint: "Leave the address out: the port is then on 127.0.0.1 and on [::1]",
    });
  const request = {
    execute: "add_hostfwd",
    arguments: { proto: protocol, host_addr: hostIP, host_port: hostPort, guest_addr: USER_MODE.address, guest_port: containerPort },
  };
  const socket = createConnection(api);
  let answer = "";
  socket.on("data", (data: Buffer) => (answer += data.toString()));
  socket.end(JSON.stringify(request));
  await once(socket, "close");
  if (!answer.includes('"return"'))
    throw new RuntimeError("PORT_IN_USE", `Cannot publish port ${hostPort}/${protocol}: ${PROGRAM} cannot listen there`, {
      ...(hostPort < 1024 && { hint: "An ordinary user takes ports from net.ipv4.ip_unprivileged_port_start on" }),
    });
}

/** It listens on IPv4 alone, so what comes to [::1] is brought to its socket there. */
async function publishOnLoopback(program: string, file: string, ports: readonly PortMapping[]): Promise<void> {
  const own = ports.filter((port) => isAny(port) && isOnLoopback(port));
  const lines = own.map(({ protocol, hostPort }) => `${protocol} ${hostPort} 127.0.0.1 ${hostPort}\n`);
  if (lines.length > 0) await carryLoopback(program, file, lines.join(""));
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "nothing";
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
