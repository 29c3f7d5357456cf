/** Volumes as docker inspect shows them. Pure. */
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
