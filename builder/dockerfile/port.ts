/** EXPOSE: `port[-port][/protocol]`; a host address or port before it is dropped, ranges become single ports. */
import { BuilderError } from "../errors.ts";

const PROTOCOLS = new Set(["tcp", "udp", "sctp"]);
const MAX_PORT = 65_535;

/** @throws {BuilderError} `DOCKERFILE_INVALID` */
export function expandPorts(word: string): readonly string[] {
  const [ports = "", protocol = "tcp", ...more] = word.split("/");
  const container = ports.slice(ports.lastIndexOf(":") + 1);
  const [first, last = first, ...tail] = container.split("-").map((text) => (/^\d+$/.test(text) ? Number(text) : Number.NaN));
  const proto = (protocol || "tcp").toLowerCase();
  const isValid =
    first !== undefined && last !== undefined && last >= first && last <= MAX_PORT && tail.length === 0 && more.length === 0 && PROTOCOLS.has(proto);
  if (!isValid) throw new BuilderError("DOCKERFILE_INVALID", `Cannot expose ${JSON.stringify(word)}: expected port[-port][/tcp|udp|sctp]`);
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${proto}`);
}
