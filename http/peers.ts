/**
 * Who sent a request, where proxies stand between: what they say of it counts only when they are trusted, and only as far as the first
 * that is not. One header is read: a proxy that sets one passes on what a client writes into the other. Spec: RFC 7239; X-Forwarded-For.
 */
import { BlockList, isIP } from "node:net";
import type { Request } from "./message.ts";

export interface Peers {
  /** IP address, without a port. */
  address(request: Sender): string;
  /** Whether the client speaks TLS. */
  isSecure(request: Sender & Pick<Request, "secure">): boolean;
}

type Sender = Pick<Request, "socket" | "headers">;

export const PROXY_HEADERS = ["x-forwarded-for", "forwarded"] as const;
export type ProxyHeader = (typeof PROXY_HEADERS)[number];

/** An address, or a network as `10.0.0.0/8`. */
export interface Network {
  readonly address: string;
  readonly prefix: number;
}

/** Undefined for what is neither. */
export function parseNetwork(text: string): Network | undefined {
  const [, address = "", bits] = /^([0-9a-fA-F.:]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const most = { 4: 32, 6: 128 }[isIP(address)] ?? -1;
  const prefix = bits === undefined ? most : Number(bits);
  return most < 0 || prefix > most ? undefined : { address, prefix };
}

/** Nobody stands between. */
export const direct: Peers = {
  address: ({ socket }) => plain(socket?.remoteAddress ?? ""),
  isSecure: ({ secure }) => secure,
};

export function behindProxies(networks: readonly Network[], header: ProxyHeader): Peers {
  const trusted = new BlockList();
  for (const { address, prefix } of networks) trusted.addSubnet(address, prefix, isIP(address) === 6 ? "ipv6" : "ipv4");
  const isTrusted = (address: string): boolean => isIP(address) !== 0 && trusted.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
  return {
    address(request) {
      let nearest = direct.address(request);
      for (const before of hops(request, header).toReversed()) {
        if (!isTrusted(nearest) || before.address === undefined) break;
        nearest = before.address;
      }
      return nearest;
    },
    isSecure(request) {
      if (!isTrusted(direct.address(request))) return request.secure;
      const said = header === "forwarded" ? hops(request, header).at(-1)?.proto : list(request.headers["x-forwarded-proto"]).at(-1);
      return said === undefined ? request.secure : said.toLowerCase() === "https";
    },
  };
}

interface Hop {
  /** Undefined for one that is hidden or no address. */
  readonly address: string | undefined;
  readonly proto: string | undefined;
}

/** Nobody has more proxies; a header of a megabyte is not read to its end. */
const MAX_HOPS = 32;

/** From the client to the last proxy. */
function hops({ headers }: Sender, header: ProxyHeader): readonly Hop[] {
  const items = list(headers[header]).slice(-MAX_HOPS);
  if (header === "x-forwarded-for") return items.map((item) => ({ address: addressIn(item), proto: undefined }));
  return items.map((item) => {
    const field = (name: string): string | undefined => new RegExp(`(?:^|;)\\s*${name}=("[^"]*"|[^;"]*)`, "i").exec(item)?.[1]?.replaceAll('"', "").trim();
    return { address: addressIn(field("for") ?? ""), proto: field("proto") };
  });
}

function list(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return String(value)
    .split(",")
    .map((item) => item.trim());
}

/** `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`. */
function addressIn(text: string): string | undefined {
  const [, bracketed] = /^\[([^\]]+)\](?::\d+)?$/.exec(text) ?? [];
  const bare = bracketed ?? (isIP(text) === 6 ? text : text.replace(/:\d+$/, ""));
  return isIP(bare) === 0 ? undefined : plain(bare);
}

function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}
