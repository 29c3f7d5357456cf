/** Events of containers, networks and volumes, with docker's names and attributes. */
import { tellEvent } from "../../store/events/journal.ts";
import { familiarName } from "../../store/reference.ts";
import type { ContainerRecord } from "../engine.ts";
import type { ExitRecord } from "../process.ts";
import type { Parts } from "./parts.ts";

type Teller = Pick<Parts, "root">;
type Told = Pick<ContainerRecord, "id" | "name" | "imageName" | "imageID" | "config" | "options">;
type Attributes = Readonly<Record<string, string>>;

export function tellContainer({ root }: Teller, action: string, record: Told, extra: Attributes = {}): void {
  const image = record.options.imageReference ?? (record.imageName === undefined ? record.imageID : familiarName(record.imageName));
  tellEvent(root, "container", action, record.id, { ...record.config.Labels, ...extra, image, name: record.name });
}

/** How it ended; a lack of memory is told on its own first. */
export function tellDeath(parts: Teller, record: Told & Pick<ContainerRecord, "startedAt">, exit: Pick<ExitRecord, "exitCode" | "oomKilled">): void {
  if (exit.oomKilled) tellContainer(parts, "oom", record);
  const ran = record.startedAt === undefined ? 0 : Math.max(0, Math.floor((Date.now() - Date.parse(record.startedAt)) / 1000));
  tellContainer(parts, "die", record, { exitCode: String(exit.exitCode), execDuration: String(ran) });
}

export function tellNetwork({ root }: Teller, action: string, network: { readonly id: string; readonly name: string }, container?: string): void {
  tellEvent(root, "network", action, network.id, { ...(container !== undefined && { container }), name: network.name, type: "bridge" });
}

/** `mount` and `unmount` of what a container has. */
export function tellVolumes({ root }: Teller, action: "mount" | "unmount", { id, mounts }: Pick<ContainerRecord, "id" | "mounts">): void {
  for (const { kind, name, target, readOnly } of mounts) {
    if (kind !== "volume" || name === undefined) continue;
    const where = action === "mount" ? { destination: target, propagation: "", "read/write": String(!readOnly) } : {};
    tellEvent(root, "volume", action, name, { container: id, driver: "local", ...where });
  }
}
