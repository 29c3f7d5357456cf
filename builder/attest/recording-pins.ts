/** A lock file, or none, that remembers what it is told: what a build read from elsewhere, for its provenance. */
import type { Pins } from "../lock/pins.ts";
import type { Material } from "./build-facts.ts";

export interface RecordingPins extends Pins {
  readonly materials: () => readonly Material[];
}

export function recordingPins(pins: Pins | undefined): RecordingPins {
  const materials = new Map<string, Material>();
  return {
    file: pins?.file ?? "",
    find: (kind, name) => pins?.find(kind, name),
    record(kind, name, value) {
      if (kind !== "images") materials.set(name, { uri: name, digest: value });
      pins?.record(kind, name, value);
    },
    materials: () => [...materials.values()],
  };
}
