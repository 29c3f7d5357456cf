/** Volumes and networks as docker inspect shows them. Pure. */
import type { Network } from "../../runtime/networks.ts";
import type { Volume } from "../../runtime/volumes.ts";

export function inspectVolume(volume: Volume): Readonly<Record<string, unknown>> {
  return {
    CreatedAt: volume.createdAt,
    Driver: "local",
    Labels: volume.labels,
    Mountpoint: volume.mountpoint,
    Name: volume.name,
    Options: volume.device === undefined ? null : { device: volume.device, o: "bind", type: "none" },
    Scope: "local",
  };
}

export function inspectNetwork(network: Network): Readonly<Record<string, unknown>> {
  return {
    Name: network.name,
    Id: network.id,
    Scope: "local",
    Driver: "bridge",
    EnableIPv6: false,
    IPAM: { Driver: "default", Config: [{ Subnet: network.subnet, Gateway: network.gateway }] },
    Internal: network.internal,
    Options: { "com.docker.network.bridge.name": network.bridge },
    Labels: network.labels,
  };
}
