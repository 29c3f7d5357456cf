/** An image's configuration as names and values, for reading and comparing. */
import type { ImageConfig } from "../../../store/oci.ts";

/** In the order that they are shown. Values are text as a Dockerfile would have it. */
export function settingsOf(config: ImageConfig): ReadonlyMap<string, string> {
  const { config: run = {} } = config;
  const { Env, Labels, ExposedPorts, Volumes, Entrypoint, Cmd, User, WorkingDir, StopSignal, Shell, Healthcheck } = run ?? {};
  const settings: readonly (readonly [name: string, value: unknown])[] = [
    ["Platform", [config.os, config.architecture, config.variant].filter((part) => typeof part === "string").join("/")],
    ["Author", config.author],
    ["Entrypoint", Entrypoint],
    ["Command", Cmd],
    ["User", User],
    ["Working directory", WorkingDir],
    ["Ports", Object.keys(ExposedPorts ?? {}).join(", ")],
    ["Volumes", Object.keys(Volumes ?? {}).join(", ")],
    ["Stop signal", StopSignal],
    ["Shell", Shell],
    ["Health check", Healthcheck?.Test],
    ...(Env ?? []).map((variable) => [`ENV ${variable.split("=")[0] ?? ""}`, variable.slice(variable.indexOf("=") + 1)] as const),
    ...Object.entries(Labels ?? {}).map(([name, value]) => [`LABEL ${name}`, value] as const),
  ];
  return new Map(settings.flatMap(([name, value]) => (isEmpty(value) ? [] : [[name, typeof value === "string" ? value : JSON.stringify(value)] as const])));
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0);
}
