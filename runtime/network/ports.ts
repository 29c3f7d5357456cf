/** Which host ports a container gets: free ones, checked against records and against the machine. */
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import type { PortMapping } from "../networks.ts";
import { RuntimeError } from "../errors.ts";
import { isAny } from "./ruleset.ts";

/** Host port 0 becomes a free one. @throws {RuntimeError} `PORT_IN_USE` */
export async function claimPorts(wanted: readonly PortMapping[], taken: readonly PortMapping[]): Promise<readonly PortMapping[]> {
  const claimed: PortMapping[] = [];
  for (const port of wanted) claimed.push(await claim(port, [...taken, ...claimed]));
  return claimed;
}

async function claim(port: PortMapping, taken: readonly PortMapping[]): Promise<PortMapping> {
  if (port.hostPort !== 0) {
    if (taken.some((other) => collides(port, other))) throw inUse(port, "another container publishes it");
    await bind(port);
    return port;
  }
  for (;;) {
    const chosen = { ...port, hostPort: await bind(port) };
    if (!taken.some((other) => collides(chosen, other))) return chosen;
  }
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
  return await new Promise((resolve, reject) => {
    const host = isAny(port) ? "0.0.0.0" : (port.hostIP ?? "0.0.0.0");
    const refuse = (error: NodeJS.ErrnoException): void => reject(inUse(port, WHY[error.code ?? ""] ?? error.message));
    if (port.protocol === "udp") {
      const socket = createSocket("udp4").on("error", refuse);
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

function inUse(port: PortMapping, why: string): RuntimeError {
  return new RuntimeError("PORT_IN_USE", `Cannot publish ${isAny(port) ? "" : `${port.hostIP}:`}${port.hostPort}/${port.protocol}: ${why}`);
}
