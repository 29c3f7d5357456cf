/** The hooks of one container along its life. Loaded only for a spec that has any. */
import { existsSync } from "node:fs";
import type { Spec } from "../../spec.ts";
import type { MonitorClient } from "../client.ts";
import { checkHooks } from "./hooks.ts";
import { runHooks, runLastHooks } from "./run.ts";

export interface HookLife {
  /** Those of the creation run when the launch is that far; the first that fails ends it. */
  attach(client: MonitorClient): void;
  /** @throws {RuntimeError} `HOOK_FAILED`: the container must be stopped then */
  started(pid: number): Promise<void>;
  /** After its removal; never throws. */
  removed(warn: (text: string) => void): Promise<void>;
}

/** @throws {RuntimeError} `SPEC_INVALID` */
export function hookLife(spec: Spec, id: string, bundle: string | undefined, folder: string | undefined): HookLife {
  checkHooks(spec);
  const { annotations } = spec;
  const state = { id, bundle, annotations };
  const isGone = folder === undefined ? {} : { isGone: () => !existsSync(folder) };
  return {
    attach(client) {
      client.onHooks(async (pid) => await runHooks(spec, ["prestart", "createRuntime"], { ...state, ...isGone, status: "creating", pid }));
    },
    async started(pid) {
      await runHooks(spec, ["poststart"], { ...state, ...isGone, status: "running", pid });
    },
    async removed(warn) {
      await runLastHooks(spec, { ...state, status: "stopped", pid: 0 }, warn);
    },
  };
}
