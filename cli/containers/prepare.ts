/** What `run` and `create` do first: the image, the options, the record, the cidfile. */
import { existsSync, writeFileSync } from "node:fs";
import type { Container, Engine, NetworkMode } from "../../runtime/engine.ts";
import { DEFAULT_NETWORK } from "../../runtime/network/record.ts";
import type { Context } from "../context.ts";
import { EXIT, ExitError, UsageError } from "../errors.ts";
import { type ContainerFlags, toOptions } from "./container-flags.ts";
import { findImage } from "./find-image.ts";

export async function prepareContainer(context: Context, reference: string, command: readonly string[], flags: ContainerFlags): Promise<Container> {
  if (flags.rm === true && flags.restart !== undefined && flags.restart !== "no") throw new UsageError("conflicting options: --restart and --rm");
  if (flags.cidfile !== undefined && existsSync(flags.cidfile))
    throw new ExitError(EXIT.strata, `container ID file found, make sure the other container isn't running or delete ${flags.cidfile}`);
  const storage = flags.storageOpt.length > 0 ? (await import("./storage-opt.ts")).storageLimitOf(flags.storageOpt) : {};
  const options = toOptions(flags, command, context.env);
  const image = await findImage(context, reference, {
    pull: flags.pull,
    quiet: flags.quiet ?? false,
    ...(flags.platform !== undefined && { platform: flags.platform }),
  });
  const engine = await context.engine();
  const network = await networkOf(engine, options.network);
  const container = await engine.create({ ...options, ...storage, network, image, imageReference: reference });
  if (flags.cidfile !== undefined) writeFileSync(flags.cidfile, container.record.id);
  return container;
}

/** A name that no network has may be one of a CNI configuration. */
async function networkOf(engine: Engine, mode: NetworkMode): Promise<NetworkMode> {
  if (mode.kind !== "bridge" || mode.name === DEFAULT_NETWORK || (await engine.networks.get(mode.name)) !== undefined) return mode;
  const { listConfigurations } = await import("../../runtime/network/cni/configurations.ts");
  return listConfigurations().some(({ name }) => name === mode.name) ? { kind: "cni", name: mode.name } : mode;
}
