/** strata-runtime on bundles, as its callers run it. */
import { execFile, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Spec } from "../../runtime/spec.ts";
import { projectRoot } from "../support/root.ts";
import { openLab, type Lab, type Overrides } from "./lab.ts";

export const runtime = join(projectRoot, "bin/strata-runtime.js");

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Bundle {
  readonly id: string;
  readonly folder: string;
}

export interface OciLab extends AsyncDisposable {
  readonly lab: Lab;
  /** A shell script as a container; `edit` has the last word on its config.json. */
  bundle(script: string, overrides?: Overrides, edit?: (spec: Spec) => object): Bundle;
  /** strata-runtime with its state in the lab. */
  command(...args: readonly string[]): Promise<Outcome>;
  /** A bundle run under strace: the lines of these system calls, of whoever made them. */
  traced(calls: string, bundle: Bundle): Promise<readonly string[]>;
  /** `command` with bytes on stdin. */
  input(text: string, ...args: readonly string[]): Promise<Outcome>;
  /** `create`: the container keeps our streams, so they are not waited for; `create`'s own words come from its log. */
  create(bundle: Bundle, ...flags: readonly string[]): Promise<number | null>;
}

export async function execute(file: string, args: readonly string[], input = "", env: NodeJS.ProcessEnv = process.env): Promise<Outcome> {
  return await new Promise((resolve) => {
    const child = execFile(file, args, { timeout: 300_000, env, maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : typeof error.code === "number" ? error.code : 255, stdout, stderr });
    });
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
  });
}

export async function openOciLab(): Promise<OciLab> {
  const lab = await openLab();
  const globals = ["--root", lab.runRoot];
  return {
    lab,
    bundle(script, overrides = {}, edit = (spec) => spec) {
      const id = lab.id();
      const folder = join(lab.folder, `bundle-${id}`);
      mkdirSync(folder);
      const spec: Spec = { ...lab.spec(["sh", "-c", script], overrides), root: { path: "../rootfs" }, ...overrides.spec };
      writeFileSync(join(folder, "config.json"), JSON.stringify(edit(spec)));
      return { id, folder };
    },
    command: async (...args) => await execute(runtime, [...globals, ...args]),
    traced: async (calls, { id, folder }) => {
      const trace = join(folder, "trace");
      const { status, stderr } = await execute("strace", [
        "-f",
        "-qq",
        "-e",
        `trace=${calls}`,
        "-e",
        "signal=none",
        "-o",
        trace,
        runtime,
        ...globals,
        "run",
        "-b",
        folder,
        id,
      ]);
      if (status !== 0) throw new Error(`Cannot run ${id} under strace: ${stderr}`);
      return readFileSync(trace, "utf8").split("\n");
    },
    input: async (text, ...args) => await execute(runtime, [...globals, ...args], text),
    create: async ({ id, folder }, ...flags) =>
      await new Promise((resolve) =>
        spawn(runtime, [...globals, "--log", join(folder, "create.log"), "create", "-b", folder, ...flags, id], { stdio: "ignore" }).once("exit", resolve),
      ),
    async [Symbol.asyncDispose](): Promise<void> {
      await lab[Symbol.asyncDispose]();
    },
  };
}
