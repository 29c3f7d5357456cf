/** An OCI bundle: config.json and the root beside it. Spec: runtime-spec 1.2, bundle.md. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { RuntimeError } from "../../runtime/errors.ts";
import type { ProcessSpec, Resources, Spec } from "../../runtime/spec.ts";
import { checkShape, PROCESS_SHAPE, RESOURCES_SHAPE, SPEC_SHAPE } from "./shape.ts";

/** Paths in it made absolute. @throws {RuntimeError} `SPEC_INVALID`, `UNSUPPORTED` */
export function readBundle(folder: string): Spec {
  const bundle = resolve(folder);
  const path = join(bundle, "config.json");
  const spec = readJson(path) as Spec;
  checkShape(spec, SPEC_SHAPE, "", path);
  if (!/^1\.\d/.test(spec.ociVersion ?? ""))
    throw new RuntimeError("SPEC_INVALID", `Cannot read ${bundle}/config.json: its ociVersion is ${JSON.stringify(spec.ociVersion)}`);
  return {
    ...spec,
    ...(spec.root !== undefined && { root: { ...spec.root, path: resolve(bundle, spec.root.path) } }),
    ...(spec.mounts !== undefined && {
      mounts: spec.mounts.map((mount) => (isBind(mount.options) && mount.source !== undefined ? { ...mount, source: resolve(bundle, mount.source) } : mount)),
    }),
  };
}

export function readProcess(path: string): ProcessSpec {
  const program = readJson(path) as ProcessSpec;
  checkShape(program, PROCESS_SHAPE, "", path);
  return program;
}

/** `-` is standard input. @throws {RuntimeError} `SPEC_INVALID` */
export function readResources(path: string): Resources {
  const resources = readJson(path) as Resources;
  checkShape(resources, RESOURCES_SHAPE, "", path === "-" ? "the limits" : path);
  return resources;
}

function readJson(path: string): unknown {
  try {
    // What Go programs write as null is absent.
    return JSON.parse(readFileSync(path === "-" ? 0 : path, "utf8"), (_, value: unknown) => value ?? undefined) as unknown;
  } catch (error) {
    throw new RuntimeError("SPEC_INVALID", `Cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function isBind(options: readonly string[] = []): boolean {
  return options.includes("bind") || options.includes("rbind");
}
