/** Networks as docker network inspect shows them. Spec: Docker Engine API, NetworkInspect. */
import type { BridgeOptions, Network } from "../../runtime/networks.ts";
import type { Context } from "../context.ts";
import { FIXED, idOfName, named } from "./fixed-networks.ts";

/** Undefined where nothing has that name or id. */
export async function describeNetwork(context: Context, reference: string): Promise<object | undefined> {
  const engine = await context.engine();
  const network = await engine.networks.get(reference);
  if (network !== undefined) return inspectNetwork(network, new Map((await engine.list()).map(({ record }) => [record.id, record.name])));
  const fixed = named(FIXED, reference);
  if (fixed !== undefined) return bare(fixed.name, fixed.driver);
  const { listConfigurations } = await import("../../runtime/network/cni/configurations.ts");
  const configuration = named(listConfigurations(), reference);
  return configuration && { ...bare(configuration.name, "cni"), Plugins: configuration.plugins, CNIVersion: configuration.cniVersion };
}

function bare(name: string, driver: string): object {
  return {
    Name: name,
    Id: idOfName(name),
    Scope: "local",
    Driver: driver,
    EnableIPv6: false,
    IPAM: { Driver: "default", Options: null, Config: [] },
    Internal: false,
    Containers: {},
    Options: {},
    Labels: {},
  };
}

/** `names`: of containers by id. Pure. */
export function inspectNetwork(network: Network, names: ReadonlyMap<string, string>): Readonly<Record<string, unknown>> {
  const prefix = network.subnet.split("/")[1];
  const prefix6 = network.subnet6?.split("/")[1];
  const containers = Object.entries(network.endpoints).map(([owner, { address, address6, mac, names: own }]) => [
    owner,
    {
      Name: names.get(owner) ?? own[0] ?? owner,
      EndpointID: `${network.id.slice(0, 32)}${owner.slice(0, 32)}`,
      MacAddress: mac,
      IPv4Address: `${address}/${prefix}`,
      IPv6Address: address6 === undefined ? "" : `${address6}/${prefix6}`,
    },
  ]);
  return {
    Name: network.name,
    Id: network.id,
    Created: network.createdAt,
    Scope: "local",
    Driver: "bridge",
    EnableIPv6: network.subnet6 !== undefined,
    IPAM: { Driver: "default", Options: {}, Config: addressing(network) },
    Internal: network.internal,
    Attachable: network.attachable ?? false,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Containers: Object.fromEntries(containers),
    Options: { "com.docker.network.bridge.name": network.bridge, ...optionsOf(network.options ?? {}) },
    Labels: network.labels,
  };
}

function addressing({ subnet, gateway, ipRange, reserved, subnet6, gateway6 }: Network): readonly object[] {
  const fourth = {
    Subnet: subnet,
    ...(ipRange !== undefined && { IPRange: ipRange }),
    Gateway: gateway,
    ...(reserved !== undefined && { AuxiliaryAddresses: reserved }),
  };
  return [fourth, ...(subnet6 === undefined ? [] : [{ Subnet: subnet6, Gateway: gateway6 }])];
}

function optionsOf({ icc, masquerade, hostIP, mtu }: BridgeOptions): Readonly<Record<string, string>> {
  return {
    ...(icc !== undefined && { "com.docker.network.bridge.enable_icc": String(icc) }),
    ...(masquerade !== undefined && { "com.docker.network.bridge.enable_ip_masquerade": String(masquerade) }),
    ...(hostIP !== undefined && { "com.docker.network.bridge.host_binding_ipv4": hostIP }),
    ...(mtu !== undefined && { "com.docker.network.driver.mtu": String(mtu) }),
  };
}
