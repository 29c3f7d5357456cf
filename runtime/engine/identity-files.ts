/** The texts of /etc/hosts, /etc/hostname and /etc/resolv.conf, bound over the container's own. */
import { readFileSync } from "node:fs";

const LOOPBACK = [
  "127.0.0.1\tlocalhost",
  "::1\tlocalhost ip6-localhost ip6-loopback",
  "fe00::0\tip6-localnet",
  "ff00::0\tip6-mcastprefix",
  "ff02::1\tip6-allnodes",
  "ff02::2\tip6-allrouters",
];

export interface HostsParts {
  readonly address: string | undefined;
  readonly names: readonly string[];
  /** `name:address`; `host-gateway` stands for the bridge. */
  readonly extra: readonly string[];
  readonly gateway: string | undefined;
  /** Further addresses of its own. */
  readonly more: readonly string[];
}

export function hostsText(parts: HostsParts): string {
  const own = parts.names.length === 0 ? [] : [`${parts.address ?? "127.0.1.1"}\t${parts.names.join(" ")}`];
  const extra = parts.extra.map((entry) => {
    const at = entry.search(/[:=]/);
    const address = entry.slice(at + 1);
    return `${address === "host-gateway" ? (parts.gateway ?? "127.0.0.1") : address}\t${entry.slice(0, at)}`;
  });
  const more = parts.names.length === 0 ? [] : parts.more.map((address) => `${address}\t${parts.names.join(" ")}`);
  return [...LOOPBACK, ...extra, ...own, ...more, ""].join("\n");
}

export interface ResolverOptions {
  readonly servers?: readonly string[];
  readonly search?: readonly string[];
  readonly options?: readonly string[];
  /** What is left out is not taken from the host's. */
  readonly exact?: boolean;
}

/** The host's own resolv.conf with what the flags replace; loopback servers are of no use inside another network. */
export function resolvText(host: string, flags: ResolverOptions, sharesHostNetwork: boolean): string {
  const lines = (flags.exact === true ? "" : host).split("\n").map((line) => line.trim());
  const words = (key: string): readonly string[] => lines.filter((line) => line.startsWith(`${key} `)).flatMap((line) => line.split(/\s+/).slice(1));
  const own = words("nameserver").filter((server) => sharesHostNetwork || !/^(?:127\.|::1$)/.test(server));
  const servers = nonEmpty(flags.servers) ?? own;
  const search = nonEmpty(flags.search) ?? words("search");
  const options = nonEmpty(flags.options) ?? words("options");
  return [
    ...servers.map((server) => `nameserver ${server}`),
    ...(search.length > 0 && search[0] !== "." ? [`search ${search.join(" ")}`] : []),
    ...(options.length > 0 ? [`options ${options.join(" ")}`] : []),
    "",
  ].join("\n");
}

/** Who is asked when the container's own server does not know. */
export function nameServers(host: string, flags: ResolverOptions): readonly string[] {
  const own = host.split("\n").filter((line) => /^\s*nameserver\s/.test(line));
  return nonEmpty(flags.servers) ?? own.flatMap((line) => line.trim().split(/\s+/)[1] ?? []);
}

export function hostResolver(): string {
  try {
    return readFileSync("/etc/resolv.conf", "utf8");
  } catch {
    return "";
  }
}

function nonEmpty<T>(list: readonly T[] | undefined): readonly T[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list;
}
