/** An image as `docker image inspect` shows it. */
import { statSync } from "node:fs";
import type { Image, Store } from "../../store/store.ts";
import { familiarName } from "../../store/reference.ts";
import { repoDigests } from "../registry/pushed.ts";
import { imageSize } from "./image-size.ts";

export async function inspectImage(store: Store, image: Image): Promise<object> {
  const { config, id } = image;
  const size = await imageSize(store, image);
  const names = (await store.images.list()).filter(({ target }) => target.digest === image.target.digest);
  const execution = config.config ?? {};
  return {
    Id: id,
    RepoTags: names.flatMap(({ name }) => (name === undefined ? [] : [familiarName(name)])),
    RepoDigests: repoDigests(store, id).map(familiarName),
    Parent: "",
    Comment: config.history?.at(-1)?.comment ?? "",
    Created: config.created ?? "0001-01-01T00:00:00Z",
    Author: config.author ?? "",
    Config: {
      Hostname: "",
      Domainname: "",
      User: "",
      Env: null,
      Cmd: null,
      WorkingDir: "",
      Entrypoint: null,
      OnBuild: null,
      Labels: null,
      ...execution,
    },
    Architecture: config.architecture,
    ...(config.variant === undefined ? {} : { Variant: config.variant }),
    Os: config.os,
    Size: size,
    VirtualSize: size,
    GraphDriver: { Name: "overlay2", Data: await folders(store, image) },
    RootFS: { Type: "layers", Layers: config.rootfs.diff_ids },
    Metadata: { LastTagTime: image.storedAt === 0 ? "0001-01-01T00:00:00Z" : new Date(image.storedAt).toISOString() },
    Descriptor: image.target,
  };
}

/** Absent for an image whose layers are not unpacked. */
async function folders(store: Store, image: Image): Promise<object | null> {
  if (image.chain === undefined || (await store.snapshots.get(image.chain)) === undefined) return null;
  const [upper, ...lowers] = (await store.snapshots.lowers(image.chain)).filter((folder) => statSync(folder, { throwIfNoEntry: false }) !== undefined);
  return { UpperDir: upper, ...(lowers.length === 0 ? {} : { LowerDir: lowers.join(":") }) };
}
