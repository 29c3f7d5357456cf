/** -p as port mappings. Pure. Spec: docker run, --publish. */
import type { PortMapping } from "../../runtime/networks.ts";
import { UsageError } from "../errors.ts";

const MAX_PORT = 65_535;

/** `[[IP:][HOST[-HOST]]:]PORT[-PORT][/PROTOCOL]`. @throws {UsageError} */
export function parsePortFlag(text: string): readonly PortMapping[] {
  const match = /^(?:(?:(\[[^\]]+\]|[^:]*):)?([\d-]*):)?([\d-]+)(?:\/(tcp|udp))?$/i.exec(text);
  if (match === null) throw new UsageError(`invalid port: ${JSON.stringify(text)}`);
  const [, ip = "", host = "", inner = "", protocol = "tcp"] = match;
  const [first, last] = range(inner, text);
  const [hostFirst, hostLast] = host === "" ? [0, 0] : range(host, text);
  if (host !== "" && hostLast - hostFirst !== last - first) throw new UsageError(`invalid port: ${JSON.stringify(text)}: the ranges differ in length`);
  return Array.from({ length: last - first + 1 }, (_, at) => ({
    hostPort: host === "" ? 0 : hostFirst + at,
    containerPort: first + at,
    protocol: protocol.toLowerCase() as "tcp" | "udp",
    ...(ip !== "" && { hostIP: ip.replace(/^\[|\]$/g, "") }),
  }));
}

function range(text: string, whole: string): readonly [number, number] {
  const [first = "", last = first] = text.split("-");
  const ports = [Number(first), Number(last)] as const;
  if (first === "" || ports.some((port) => !Number.isInteger(port) || port < 0 || port > MAX_PORT) || ports[1] < ports[0])
    throw new UsageError(`invalid port: ${JSON.stringify(whole)}`);
  return ports;
}

/** `0.0.0.0:8080->80/tcp`. */
export function formatPort(port: PortMapping): string {
  return `${hostOf(port)}:${port.hostPort}->${port.containerPort}/${port.protocol}`;
}

export function hostOf(port: PortMapping): string {
  return port.hostIP === undefined || port.hostIP === "" ? "0.0.0.0" : port.hostIP;
}
