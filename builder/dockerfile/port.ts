/** EXPOSE: `port[-port][/protocol]`; a host address or port before it is dropped, ranges become single ports. */
import { isIP } from "node:net";
import { BuilderError } from "../errors.ts";

const PROTOCOLS = new Set(["tcp", "udp", "sctp"]);
const MAX_PORT = 65_535;

/** @throws {BuilderError} `DOCKERFILE_INVALID` */
export function expandPorts(word: string): readonly string[] {
  const [ports = "", protocol = "tcp", ...more] = word.split("/");
  const parts = ports.split(":");
  const [container = "", host = "", ...address] = parts.toReversed();
  const range = portRange(container);
  const hostRange = host === "" ? range : portRange(host);
  const proto = (protocol || "tcp").toLowerCase();
  if (range === undefined || hostRange === undefined || more.length > 0 || !PROTOCOLS.has(proto) || !isAddress(address.toReversed().join(":")))
    throw new BuilderError("DOCKERFILE_INVALID", `Cannot expose ${JSON.stringify(word)}: expected port[-port][/tcp|udp|sctp]`);
  const [first, last] = range;
  if (last > first && hostRange[1] - hostRange[0] !== last - first)
    throw new BuilderError("DOCKERFILE_INVALID", `Cannot expose ${JSON.stringify(word)}: its two ranges are not equally long`);
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${proto}`);
}

function portRange(text: string): readonly [first: number, last: number] | undefined {
  const [, start = "", end = start] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  const [first, last] = [Number(start), Number(end)];
  return start !== "" && first <= last && last <= MAX_PORT ? [first, last] : undefined;
}

function isAddress(text: string): boolean {
  return text === "" || isIP(/^\[(.*)\]$/.exec(text)?.[1] ?? text) !== 0;
}
