/**
 * A cluster's part of the machine's network: a link that carries the addresses of its services, and one nft table.
 * The link's route is what other roots see when they choose ranges, so that clusters side by side never share one.
 */
import { lock } from "../engine/lock.ts";
import { runCommand } from "../engine/command.ts";
import type { ServiceNetwork, ServiceRange } from "../service-network.ts";
import { RuntimeError } from "../errors.ts";
import { addressAt, formatSubnet, macOf, overlaps, parseAddress, parseSubnet } from "./address.ts";
import type { NetworkParts } from "./attach.ts";
import { hasNft, linkExists, localAddresses, presentSubnets } from "./kernel.ts";
import { planServiceRange } from "./plan.ts";
import { serviceLinkName, serviceTableName } from "./record.ts";

export function openServiceNetwork(parts: Pick<NetworkParts, "tag" | "kernel">): ServiceNetwork {
  const link = serviceLinkName(parts.tag);
  const table = serviceTableName(parts.tag);
  return {
    table,
    bridges: `st${parts.tag}*`,
    hasRules: hasNft,
    claim: async (kept) => await claim(parts, link, kept),
    async addresses(cidr, wanted): Promise<void> {
      const { first, others } = addressesIn(cidr);
      const added = new Set(wanted.filter((address) => address !== first && !others.includes(address)));
      const gone = others.filter((address) => !wanted.includes(address));
      await parts.kernel.apply([
        ...[...added].flatMap((address) => ["host-address", link, `${address}/32`]),
        ...gone.flatMap((address) => ["forget-host-address", link, `${address}/32`]),
      ]);
    },
    async replaceTable(body): Promise<void> {
      await parts.kernel.rules(`table ip ${table}\ndelete table ip ${table}\n${body === undefined ? "" : `table ip ${table} {\n${body}}\n`}`);
    },
    async readTable(): Promise<unknown> {
      const text = await runCommand("nft", ["-j", "list", "table", "ip", table], { what: "read the rules of services", code: "NETWORK_FAILED" }).catch(
        () => "{}",
      );
      return JSON.parse(text);
    },
    async forgetFlows(flows): Promise<void> {
      await parts.kernel.apply(flows.flatMap(({ protocol, address, port, endpoint }) => ["forget-flow", protocol, `${address}:${port}`, endpoint]));
    },
    async forgetEndpoints(addresses): Promise<void> {
      await parts.kernel.apply(addresses.flatMap((address) => ["forget-flow", "*", "*", address]));
    },
    async remove(): Promise<void> {
      await parts.kernel.rules(`table ip ${table}\ndelete table ip ${table}\n`, { optional: true });
      await parts.kernel.apply(["remove-link", link]);
    },
  };
}

/** Addresses of this machine in a range: its first, and the others. */
function addressesIn(cidr: string): { readonly first: string; readonly others: readonly string[] } {
  const range = parseSubnet(cidr);
  const first = addressAt(range, 1);
  const edges = new Set([first, addressAt(range, 0), addressAt(range, 2 ** (32 - range.prefix) - 1)]); /* network and broadcast are local too */
  const others = localAddresses().filter((address) => overlaps({ base: parseAddress(address) ?? 0, prefix: 32 }, range) && !edges.has(address));
  return { first, others };
}

/** A link that is there keeps its range: containers know its addresses. */
async function claim({ kernel }: Pick<NetworkParts, "kernel">, link: string, kept: string | undefined): Promise<ServiceRange> {
  await using _ = await lock("networks"); /* two roots must not choose one range */
  if (kept === undefined) await kernel.apply(["remove-link", link]); /* of a cluster that was forgotten */
  const own = kept === undefined ? undefined : parseSubnet(kept);
  const range = own !== undefined && linkExists(link) ? own : planServiceRange(own, presentSubnets(link));
  if (range === undefined)
    throw new RuntimeError("NETWORK_FAILED", "Cannot choose addresses for services: this machine uses all ranges that are meant for them");
  const address = addressAt(range, 1);
  const fresh = !linkExists(link);
  await kernel.apply(["bridge", link, `${address}/${range.prefix}`, macOf(address)]);
  return { cidr: formatSubnet(range), address, fresh };
}
