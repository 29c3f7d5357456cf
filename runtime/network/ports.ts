/** Which host ports a container gets: free ones, checked against records and against the machine. */
import { isIPv6 } from "./ip-version.ts";
import { setTimeout as sleep } from "node:timers/promises";
import type { PortMapping } from "../networks.ts";
import { RuntimeError } from "../errors.ts";
import { isOnLoopback } from "./loopback.ts";
import { isAny } from "./ruleset.ts";

/** Whoever had it on [::1] ends by itself a moment after it was given back. */
const GIVEN_BACK_MS = 1000;
const RETRY_MS = 20;

/** Host port 0 becomes a free one. @throws {RuntimeError} `PORT_IN_USE` */
export async function claimPorts(wanted: readonly PortMapping[], taken: readonly PortMapping[]): Promise<readonly PortMapping[]> {
  const claimed: PortMapping[] = [];
  for (const port of wanted) claimed.push(await claim(port, [...taken, ...claimed]));
  return claimed;
}

async function claim(port: PortMapping, taken: readonly PortMapping[]): Promise<PortMapping> {
  if (port.hostPort !== 0) {
    if (taken.some((other) => collides(port, other))) throw inUse(port, "another container publishes it");
    if (port.hostIP !== "::1") await bind(port);
    await needLoopback(port);
    return port;
  }
  for (;;) {
    const chosen = { ...port, hostPort: await bind(port) };
    if (!taken.some((other) => collides(chosen, other)) && (await isFreeOnLoopback(chosen))) return chosen;
  }
}

/** @throws {RuntimeError} `PORT_IN_USE` */
async function needLoopback(port: PortMapping): Promise<void> {
  const end = Date.now() + GIVEN_BACK_MS;
  while (!(await isFreeOnLoopback(port))) {
    if (Date.now() > end) throw inUse({ ...port, hostIP: "::1" }, WHY["EADDRINUSE"] ?? "");
    await sleep(RETRY_MS);
  }
}

async function isFreeOnLoopback(port: PortMapping): Promise<boolean> {
  if (!isOnLoopback(port)) return true;
  return await bind({ ...port, hostIP: "::1" }).then(
    () => true,
    (error: RuntimeError) => {
      if ((error.cause as NodeJS.ErrnoException | undefined)?.code === "EADDRINUSE") return false;
      throw error;
    },
  );
}

export function collides(one: PortMapping, other: PortMapping): boolean {
  return one.hostPort === other.hostPort && one.protocol === other.protocol && (isAny(one) || isAny(other) || one.hostIP === other.hostIP);
}

const WHY: Readonly<Record<string, string>> = {
  EADDRINUSE: "a program of this machine listens there",
  EACCES: "ports below net.ipv4.ip_unprivileged_port_start are root's",
};

/** Binds for a moment: resolves with the port. */
async function bind(port: PortMapping): Promise<number> {
  const [{ createServer }, { createSocket }] = [process.getBuiltinModule("node:net"), process.getBuiltinModule("node:dgram")]; // few containers need them
  return await new Promise((resolve, reject) => {
    const host = isAny(port) ? "0.0.0.0" : (port.hostIP ?? "0.0.0.0");
    const refuse = (error: NodeJS.ErrnoException): void => reject(inUse(port, WHY[error.code ?? ""] ?? error.message, error));
    if (port.protocol === "udp") {
      const socket = createSocket(isIPv6(host) ? "udp6" : "udp4").on("error", refuse);
      socket.bind(port.hostPort, host, () => {
        const chosen = socket.address().port;
        socket.close(() => resolve(chosen));
      });
      return;
    }
    const server = createServer().on("error", refuse);
    server.listen(port.hostPort, host, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : port.hostPort));
    });
  });
}

function inUse(port: PortMapping, why: string, cause?: unknown): RuntimeError {
  const { hostIP = "", hostPort, protocol } = port;
  const at = isAny(port) ? "" : isIPv6(hostIP) ? `[${hostIP}]:` : `${hostIP}:`;
  return new RuntimeError("PORT_IN_USE", `Cannot publish ${at}${hostPort}/${protocol}: ${why}`, { cause });
}
