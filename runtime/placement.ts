/** Where a container stands on this machine, as docker's rarer flags say it: namespaces shared with the host, its group, its devices, its address. */
import type { Connection } from "./networks.ts";

export interface Placement {
  /** Its image as the user wrote it. */
  readonly imageReference?: string;
  /** Group below which its own is made, itself below the one of all containers. */
  readonly cgroupParent?: string;
  /** The machine's own namespace instead of one of its own. */
  readonly cgroupns?: "host";
  readonly utsMode?: "host";
  /** Its NIS domain, and what follows the hostname in its full name. */
  readonly domainname?: string;
  /** `80/tcp`: open to its networks; `publishAll` gives each a port of the machine. */
  readonly expose?: readonly string[];
  /** `c 13:* rwm`, on top of what every container may use. */
  readonly deviceRules?: readonly DeviceRuleText[];
  readonly annotations?: Readonly<Record<string, string>>;
  /** Of its link on its first network. */
  readonly macAddress?: string;
  /** Fixed addresses on its first network. */
  readonly ip?: string;
  readonly ip6?: string;
  /** Further ones than `network`. */
  readonly moreNetworks?: readonly Connection[];
}

export interface DeviceRuleText {
  readonly type: "a" | "b" | "c";
  /** Undefined stands for every number. */
  readonly major?: number;
  readonly minor?: number;
  readonly access: string;
}
