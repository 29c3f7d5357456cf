/** An OCI bundle: config.json and the root beside it. Spec: runtime-spec 1.2, bundle.md. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { RuntimeError } from "../../runtime/errors.ts";
import type { ProcessSpec, Spec } from "../../runtime/spec.ts";

/** Paths in it made absolute. @throws {RuntimeError} `SPEC_INVALID`, `UNSUPPORTED` */
export function readBundle(folder: string): Spec {
  const bundle = resolve(folder);
  const spec = readJson(join(bundle, "config.json")) as Spec;
  if (!spec.ociVersion.startsWith("1."))
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
  return readJson(path) as ProcessSpec;
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as unknown;
  } catch (error) {
    throw new RuntimeError("SPEC_INVALID", `Cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function isBind(options: readonly string[] = []): boolean {
  return options.includes("bind") || options.includes("rbind");
}
