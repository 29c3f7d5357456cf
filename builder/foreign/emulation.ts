/**
 * Whether this machine runs the programs of another, found out by running one: in a container as RUN's are, because handlers
 * may be registered so that they work outside only, and because a container does not see how its host is set up.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { formatPlatform, hostPlatform } from "../../store/image/platform.ts";
import { ownedName } from "../../store/owner.ts";
import type { Platform } from "../../store/oci.ts";
import { BuilderError } from "../errors.ts";
import type { RunAction } from "../plan/graph.ts";
import { RunFolder } from "../solve/run-folder.ts";
import { makeStubs } from "../solve/run-stubs.ts";
import type { SolveScope } from "../solve/scope.ts";
import { missingHandler, readHandlers } from "./binfmt.ts";
import { probeProgram } from "./elf-program.ts";

/** @throws {BuilderError} `UNSUPPORTED` that says what to install */
export async function requireEmulation({ args }: RunAction, scope: SolveScope): Promise<void> {
  const { programs, probes } = scope;
  const program = programs.os === "linux" ? probeProgram(programs.architecture) : undefined;
  const shown = JSON.stringify(args.join(" "));
  const machine = formatPlatform(hostPlatform());
  if (program === undefined)
    throw new BuilderError("UNSUPPORTED", `Cannot run ${shown} for ${formatPlatform(programs)}: no emulator for it is known on ${machine}`);
  let probe = probes.get(programs.architecture);
  if (probe === undefined) {
    probe = isRun(program, programs, scope);
    probes.set(programs.architecture, probe);
  }
  if (await probe) return;
  throw new BuilderError(
    "UNSUPPORTED",
    `Cannot run ${shown} for ${formatPlatform(programs)}: this machine is ${machine} and does not run ${programs.architecture} programs`,
    {
      hint: `${missingHandler(readHandlers(), program)}. Stages that only COPY need nothing`,
    },
  );
}

async function isRun(program: Buffer, { architecture }: Platform, scope: SolveScope): Promise<boolean> {
  const { store, scratch, executor } = scope.collaborators;
  await using folder = RunFolder.open(scratch);
  const key = `build-${ownedName()}`;
  const active = await store.snapshots.prepare(key, undefined, { ephemeral: true });
  try {
    const stubs = await makeStubs(folder.path("stubs"), await store.snapshots.view(undefined), []);
    mkdirSync(folder.path("program"), { mode: 0o755 });
    writeFileSync(folder.path("program", "probe"), program, { mode: 0o755 });
    const code = await (
      await executor()
    ).run({
      lowers: [...(stubs === undefined ? [] : [stubs]), folder.path("program")],
      upper: active.upper,
      work: active.work,
      args: ["/probe"],
      env: [],
      cwd: "/",
      user: { uid: 0, gid: 0, groups: [] },
      hostname: architecture,
      network: "none",
      security: "sandbox",
      shmSize: 1 << 20,
      ulimits: [],
      mounts: [],
      onOutput: () => undefined,
      signal: scope.signal,
    });
    return code === 0;
  } catch (error) {
    scope.signal.throwIfAborted();
    if (error instanceof Error && "code" in error) return false; // could not be started: the usual answer of a kernel without a handler
    throw error;
  } finally {
    await store.snapshots.remove(key);
  }
}
