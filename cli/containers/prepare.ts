/** What `run` and `create` do first: the image, the options, the record, the cidfile. */
import type { Container, Engine, NetworkMode } from "../../runtime/engine.ts";
import { DEFAULT_NETWORK } from "../../runtime/network/record.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { openCidFile } from "./cid-file.ts";
import { type ContainerFlags, toOptions } from "./container-flags.ts";
import { findImage } from "./find-image.ts";

export async function prepareContainer(context: Context, reference: string, command: readonly string[], flags: ContainerFlags): Promise<Container> {
  if (flags.rm === true && flags.restart !== undefined && flags.restart !== "no") throw new UsageError("conflicting options: --restart and --rm");
  const storage = flags.storageOpt.length > 0 ? (await import("./storage-opt.ts")).storageLimitOf(flags.storageOpt) : {};
  const options = toOptions(flags, command, context.env);
  using cidFile = openCidFile(flags.cidfile);
  const image = await findImage(context, reference, {
    pull: flags.pull,
    quiet: flags.quiet ?? false,
    ...(flags.platform !== undefined && { platform: flags.platform }),
  });
  const engine = await context.engine();
  const network = await networkOf(engine, options.network);
  const container = await engine.create({ ...options, ...storage, network, image, imageReference: reference });
  cidFile.write(container.record.id);
  return container;
}

/** A name that no network has may be one of a CNI configuration. */
async function networkOf(engine: Engine, mode: NetworkMode): Promise<NetworkMode> {
  if (mode.kind !== "bridge" || mode.name === DEFAULT_NETWORK || (await engine.networks.get(mode.name)) !== undefined) return mode;
  const { listConfigurations } = await import("../../runtime/network/cni/configurations.ts");
  return listConfigurations().some(({ name }) => name === mode.name) ? { kind: "cni", name: mode.name } : mode;
}
