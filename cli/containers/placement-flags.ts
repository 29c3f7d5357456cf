/** Docker's flags for namespaces shared with the host, the parent group, device rules, exposed ports and fixed addresses. */
import type { Command } from "commander";
import type { DeviceRuleText, Placement } from "../../runtime/placement.ts";
import { UsageError } from "../errors.ts";
import { keyValue } from "./key-value.ts";
import { collect } from "../collect.ts";

export interface PlacementFlags {
  readonly annotation: readonly string[];
  readonly cgroupParent?: string;
  readonly cgroupns?: string;
  readonly deviceCgroupRule: readonly string[];
  readonly domainname?: string;
  readonly expose: readonly string[];
  readonly ip?: string;
  readonly ip6?: string;
  readonly isolation?: string;
  readonly macAddress?: string;
  readonly uts?: string;
  readonly volumeDriver?: string;
}

const NONE: readonly string[] = [];

export function addPlacementFlags(command: Command): Command {
  return command
    .option("--annotation <key=value>", "an annotation for the OCI runtime", collect, NONE)
    .option("--cgroup-parent <path>", "group below which its own is made")
    .option("--cgroupns <mode>", "host or private")
    .option("--device-cgroup-rule <rule>", "allow devices by number, as in 'c 13:* rwm'", collect, NONE)
    .option("--disable-content-trust", "signatures are never asked for")
    .option("--domainname <name>", "its NIS domain, and the end of its full name")
    .option("--expose <port[-port][/protocol]>", "a port open to its networks", collect, NONE)
    .option("--ip <address>", "its IPv4 address on its network")
    .option("--ip6 <address>", "its IPv6 address on its network")
    .option("--isolation <technology>", "default, the only one")
    .option("--mac-address <mac>", "of its link")
    .option("--uts <namespace>", "host shares the machine's names")
    .option("--volume-driver <driver>", "local, the only one");
}

/** @throws {UsageError} */
export function placementOf(flags: PlacementFlags): Placement {
  only("--isolation", flags.isolation, ["", "default"]);
  only("--volume-driver", flags.volumeDriver, ["", "local"]);
  only("--uts", flags.uts, ["", "host", "private"]);
  only("--cgroupns", flags.cgroupns, ["", "host", "private"]);
  return {
    ...(flags.cgroupParent !== undefined && flags.cgroupParent !== "" && { cgroupParent: flags.cgroupParent }),
    ...(flags.cgroupns === "host" && { cgroupns: "host" as const }),
    ...(flags.uts === "host" && { utsMode: "host" as const }),
    ...(flags.domainname !== undefined && { domainname: flags.domainname }),
    ...(flags.ip !== undefined && { ip: flags.ip }),
    ...(flags.ip6 !== undefined && { ip6: flags.ip6 }),
    ...(flags.macAddress !== undefined && { macAddress: parseMac(flags.macAddress) }),
    ...(flags.expose.length > 0 && { expose: flags.expose.flatMap(parseExposed) }),
    ...(flags.deviceCgroupRule.length > 0 && { deviceRules: flags.deviceCgroupRule.map(parseDeviceRule) }),
    ...(flags.annotation.length > 0 && { annotations: Object.fromEntries(flags.annotation.map(keyValue)) }),
  };
}

function only(flag: string, value: string | undefined, known: readonly string[]): void {
  if (value !== undefined && !known.includes(value))
    throw new UsageError(`invalid ${flag} ${JSON.stringify(value)}: only ${known.filter((word) => word !== "").join(" or ")} is there`);
}

/** `8000-8010/udp`: one entry a port. @throws {UsageError} */
export function parseExposed(text: string): readonly string[] {
  const [, first = "", last = first, protocol = "tcp"] = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/.exec(text) ?? [];
  const [from, to] = [Number(first), Number(last)];
  if (first === "" || from < 1 || to > 65_535 || to < from) throw new UsageError(`invalid range format for --expose: ${JSON.stringify(text)}`);
  if (protocol === "sctp") throw new UsageError(`invalid range format for --expose: ${JSON.stringify(text)}: only tcp and udp are carried`);
  return Array.from({ length: to - from + 1 }, (_, at) => `${from + at}/${protocol}`);
}

/** `c 13:* rwm`. @throws {UsageError} */
export function parseDeviceRule(text: string): DeviceRuleText {
  const match = /^([abc]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/.exec(text);
  if (match === null) throw new UsageError(`invalid device cgroup format ${JSON.stringify(text)}: as in 'c 13:* rwm'`);
  const [, type, major, minor, access = ""] = match;
  return {
    type: type as DeviceRuleText["type"],
    ...(major !== "*" && { major: Number(major) }),
    ...(minor !== "*" && { minor: Number(minor) }),
    access,
  };
}

/** @throws {UsageError} */
export function parseMac(text: string): string {
  if (!/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i.test(text)) throw new UsageError(`${text} is not a valid mac address`);
  if ((Number.parseInt(text.slice(0, 2), 16) & 1) === 1) throw new UsageError(`${text} is not a valid mac address: it is a group's`);
  return text.toLowerCase();
}
