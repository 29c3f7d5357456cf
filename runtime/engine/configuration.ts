/** The image's config with a container's options applied, and the command line that comes of it. Spec: image-spec v1.1, config.md. */
import type { ExecutionConfig } from "../../store/oci.ts";
import type { ContainerOptions } from "../engine.ts";
import { RuntimeError } from "../errors.ts";
import { mergeEnvironment } from "./environment.ts";
import { parseSignal } from "./signals.ts";

export type Flags = Omit<ContainerOptions, "image">;

/** An entrypoint given by flag drops the image's command, as in docker. */
export function applyOptions(image: ExecutionConfig, flags: Flags): ExecutionConfig {
  const command = flags.command ?? (flags.entrypoint === undefined ? image.Cmd : undefined);
  const entrypoint = flags.entrypoint === undefined ? image.Entrypoint : flags.entrypoint.filter((word, at) => at > 0 || word !== "");
  const { Cmd: _cmd, Entrypoint: _entrypoint, ...rest } = image;
  if (flags.stopSignal !== undefined) parseSignal(flags.stopSignal); // not at the stop, when it is too late
  return {
    ...rest,
    ...(command !== undefined && { Cmd: command }),
    ...(entrypoint !== undefined && { Entrypoint: entrypoint }),
    Env: mergeEnvironment(image.Env ?? [], flags.env ?? []),
    ...(flags.user !== undefined && { User: flags.user }),
    ...(flags.cwd !== undefined && { WorkingDir: flags.cwd }),
    ...(flags.stopSignal !== undefined && { StopSignal: flags.stopSignal }),
    ...(flags.healthcheck !== undefined && { Healthcheck: { ...image.Healthcheck, ...flags.healthcheck } }),
    ...exposed(image, flags),
    Labels: { ...image.Labels, ...flags.labels },
  };
}

/** What the image exposes, what flags add, and what is published. */
function exposed(image: ExecutionConfig, { expose = [], ports = [] }: Flags): Pick<ExecutionConfig, "ExposedPorts"> {
  const added = [...expose, ...ports.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`)];
  return added.length === 0 ? {} : { ExposedPorts: { ...image.ExposedPorts, ...Object.fromEntries(added.map((port) => [port, {}])) } };
}

/** @throws {RuntimeError} `SPEC_INVALID` when neither image nor flags name a program */
export function commandLine(config: ExecutionConfig): readonly string[] {
  const words = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  if (words.length === 0 || words[0] === "") throw new RuntimeError("SPEC_INVALID", "Cannot run the image: it names no program and none was given");
  return words;
}
