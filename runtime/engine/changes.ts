/** `commit --change`: the Dockerfile instructions that only touch the config. Pure. Spec: Dockerfile reference; docker commit. */
import type { ExecutionConfig, HealthConfig } from "../../store/oci.ts";
import { RuntimeError } from "../errors.ts";
import { mergeEnvironment } from "./environment.ts";

type Change = (config: ExecutionConfig, rest: string) => ExecutionConfig;

const CHANGES: Readonly<Record<string, Change>> = {
  CMD: (config, rest) => ({ ...config, Cmd: command(config, rest) }),
  ENTRYPOINT: (config, rest) => ({ ...config, Entrypoint: command(config, rest) }),
  ENV: (config, rest) => ({
    ...config,
    Env: mergeEnvironment(
      config.Env ?? [],
      pairs(rest).map(([key, value]) => `${key}=${value}`),
    ),
  }),
  LABEL: (config, rest) => ({ ...config, Labels: { ...config.Labels, ...Object.fromEntries(pairs(rest)) } }),
  EXPOSE: (config, rest) => ({
    ...config,
    ExposedPorts: { ...config.ExposedPorts, ...keys(words(rest).map((port) => (port.includes("/") ? port : `${port}/tcp`))) },
  }),
  VOLUME: (config, rest) => ({ ...config, Volumes: { ...config.Volumes, ...keys(jsonWords(rest) ?? words(rest)) } }),
  USER: (config, rest) => ({ ...config, User: rest }),
  WORKDIR: (config, rest) => ({ ...config, WorkingDir: rest.startsWith("/") ? rest : `${config.WorkingDir ?? ""}/${rest}` }),
  ONBUILD: (config, rest) => ({ ...config, OnBuild: [...(config.OnBuild ?? []), rest] }),
  STOPSIGNAL: (config, rest) => ({ ...config, StopSignal: rest }),
  HEALTHCHECK: (config, rest) => ({ ...config, Healthcheck: healthcheck(rest) }),
};

/** @throws {RuntimeError} `SPEC_INVALID` */
export function applyChanges(config: ExecutionConfig, changes: readonly string[]): ExecutionConfig {
  return changes.flatMap((text) => text.split("\n")).reduce(applyChange, config);
}

function applyChange(config: ExecutionConfig, line: string): ExecutionConfig {
  const text = line.trim();
  if (text === "") return config;
  const [, name = "", rest = ""] = /^(\S+)\s*(.*)$/s.exec(text) ?? [];
  const change = CHANGES[name.toUpperCase()];
  if (change === undefined)
    throw new RuntimeError("SPEC_INVALID", `Cannot apply the change ${JSON.stringify(text)}: ${name} is none of ${Object.keys(CHANGES).join(", ")}`);
  return change(config, rest.trim());
}

/** Exec form as JSON, else the shell form. */
function command(config: ExecutionConfig, rest: string): readonly string[] {
  return jsonWords(rest) ?? [...(config.Shell ?? ["/bin/sh", "-c"]), rest];
}

function jsonWords(text: string): readonly string[] | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) && parsed.every((word) => typeof word === "string") ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** `A=b C="d e"`, or the old `A b c`. */
function pairs(text: string): readonly (readonly [string, string])[] {
  const all = words(text);
  if (all[0] !== undefined && !all[0].includes("=")) return [[all[0], text.slice(all[0].length).trim()]];
  return all.map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)] as const);
}

/** Splits at blanks; quotes and backslashes as in a shell. */
function words(text: string): readonly string[] {
  return [...text.matchAll(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/g)].map(([word]) =>
    word.replaceAll(
      /"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/g,
      (_, double?: string, single?: string, escaped?: string) => double?.replaceAll(/\\(["\\$])/g, "$1") ?? single ?? escaped ?? "",
    ),
  );
}

function keys(names: readonly string[]): Readonly<Record<string, Record<string, never>>> {
  return Object.fromEntries(names.map((name) => [name, {}]));
}

const NANOSECONDS: Readonly<Record<string, number>> = { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

function healthcheck(rest: string): HealthConfig {
  if (rest.toUpperCase() === "NONE") return { Test: ["NONE"] };
  const match = /^((?:--\S+\s+)*)CMD\s+(.*)$/is.exec(rest);
  if (match === null) throw new RuntimeError("SPEC_INVALID", `Cannot apply HEALTHCHECK ${rest}: CMD or NONE is needed`);
  const [, flags = "", text = ""] = match;
  const option = (name: string): string | undefined => new RegExp(`--${name}=(\\S+)`).exec(flags)?.[1];
  const exec = jsonWords(text);
  return {
    Test: exec === undefined ? ["CMD-SHELL", text] : ["CMD", ...exec],
    ...nanoseconds("Interval", option("interval")),
    ...nanoseconds("Timeout", option("timeout")),
    ...nanoseconds("StartPeriod", option("start-period")),
    ...nanoseconds("StartInterval", option("start-interval")),
    ...(option("retries") !== undefined && { Retries: Number(option("retries")) }),
  };
}

function nanoseconds(key: string, text: string | undefined): Readonly<Record<string, number>> {
  if (text === undefined) return {};
  return { [key]: [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)].reduce((sum, [, count, unit]) => sum + Number(count) * (NANOSECONDS[unit ?? "s"] ?? 0), 0) };
}
