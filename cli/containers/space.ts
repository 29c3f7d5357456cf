/** system df --verbose: every image, container and volume with what it takes. */
import { folderBytes } from "../../store/care/folder-bytes.ts";
import { familiarName } from "../../store/reference.ts";
import type { Context } from "../context.ts";
import { decimalSize } from "../../store/decimal-size.ts";
import { madeAt } from "../images/made-at.ts";
import { ago } from "./ages.ts";
import { sizesOf } from "./container-size.ts";
import { containerRow } from "./container-row.ts";
import { align } from "./print-rows.ts";

export async function printSpace(context: Context): Promise<void> {
  const sections = [await images(context), await containers(context), await volumes(context)];
  context.stdout.write(sections.map(({ title, rows }) => `${title} space usage:\n\n${align(rows).join("\n")}\n`).join("\n"));
}

interface Section {
  readonly title: string;
  readonly rows: readonly (readonly string[])[];
}

async function images(context: Context): Promise<Section> {
  const store = await context.store();
  const users = store.table<{ readonly imageID: string }>("runtime.containers").list();
  const rows = [["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "CONTAINERS"]];
  for (const { name, target, storedAt } of await store.images.list()) {
    const image = await store.images.read(target).catch(() => undefined);
    if (image === undefined) continue; // of another platform only
    const [, repository = "<none>", tag = "<none>"] = /^(.*):([^:/]+)$/.exec(name === undefined ? "" : familiarName(name)) ?? [];
    const bytes = image.manifest.layers.reduce((sum, { size }) => sum + size, 0);
    const count = users.filter(([, { imageID }]) => imageID === image.id).length;
    const age = ago(madeAt(image.config.created, storedAt), Date.now());
    rows.push([repository, tag, image.id.slice("sha256:".length).slice(0, 12), age, decimalSize(bytes), String(count)]);
  }
  return { title: "Images", rows };
}

async function containers(context: Context): Promise<Section> {
  const all = await (await context.engine()).list();
  const sizes = await sizesOf(context, all);
  const rows = all.map((container) => {
    const row = containerRow(container, Date.now(), true);
    return [row.ID, row.Image, row.Command, row.LocalVolumes, sizes.get(container.record.id)?.Size.split(" ")[0] ?? "", row.RunningFor, row.Status, row.Names];
  });
  return { title: "Containers", rows: [["CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES", "SIZE", "CREATED", "STATUS", "NAMES"], ...rows] };
}

async function volumes(context: Context): Promise<Section> {
  const engine = await context.engine();
  const users = (await engine.list()).flatMap(({ record }) => record.mounts.flatMap(({ name }) => name ?? []));
  const rows = (await engine.volumes.list()).map(({ name, mountpoint }) => [
    name,
    String(users.filter((other) => other === name).length),
    decimalSize(folderBytes(mountpoint)),
  ]);
  return { title: "Local Volumes", rows: [["VOLUME NAME", "LINKS", "SIZE"], ...rows] };
}
