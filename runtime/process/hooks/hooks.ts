/** Hooks: programs that a spec wants run at points of a container's life. Spec: runtime-spec 1.2, config.md, "POSIX-platform Hooks". */
import { RuntimeError } from "../../errors.ts";
import type { ProcessStatus } from "../../process.ts";
import type { HookSpec, Spec } from "../../spec.ts";

/** Of the runtime: where the command runs. Of the container: in its namespaces. */
export type RuntimeHook = "prestart" | "createRuntime" | "poststart" | "poststop";
export type ContainerHook = "createContainer" | "startContainer";
export type HookKind = RuntimeHook | ContainerHook;

export const HOOK_KINDS: readonly HookKind[] = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

export const STATE_VERSION = "1.2.0";

export interface HookState {
  readonly id: string;
  readonly status: ProcessStatus;
  readonly bundle?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** @throws {RuntimeError} `SPEC_INVALID` */
export function checkHooks(spec: Spec): void {
  const refuse = (kind: string, why: string): never => {
    throw new RuntimeError("SPEC_INVALID", `Cannot use hooks.${kind}: ${why}`);
  };
  for (const [kind, list] of Object.entries(spec.hooks ?? {})) {
    if (!(HOOK_KINDS as readonly string[]).includes(kind)) refuse(kind, "there is no such kind of hook");
    for (const { path, timeout } of list) {
      if (!path.startsWith("/")) refuse(kind, `the path ${JSON.stringify(path)} is not absolute`);
      if (timeout !== undefined && !(Number.isInteger(timeout) && timeout > 0)) refuse(kind, `the timeout ${timeout} is not above 0`);
    }
  }
}

export function hooksOf(spec: Spec, ...kinds: readonly HookKind[]): readonly (HookSpec & { readonly kind: HookKind })[] {
  return kinds.flatMap((kind) => (spec.hooks?.[kind] ?? []).map((hook) => ({ ...hook, kind })));
}

/** What a hook reads on stdin, in two halves: between them stands the pid, as whoever runs the hook sees it. */
export function stateHalves({ id, status, bundle = "", annotations = {} }: HookState): readonly [string, string] {
  const before = JSON.stringify({ ociVersion: STATE_VERSION, id, status });
  const after = JSON.stringify({ bundle, annotations });
  return [`${before.slice(0, -1)},"pid":`, `,${after.slice(1)}`];
}
