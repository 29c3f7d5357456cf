/** Descriptors that the caller wants in the container: those it counted, and those of a socket-activating service manager. */
import { fstatSync } from "node:fs";
import type { ProcessSpec, Spec } from "../../runtime/spec.ts";
import { UsageError } from "../errors.ts";

const FIRST = 3;

/** @throws {UsageError} for a number that is none, or a descriptor that is not open */
export function preserved(spec: Spec, flag: string): { readonly spec: Spec; readonly preserve: number } {
  const { program, preserve } = preserveFor(spec.process, flag);
  return { spec: program === undefined ? spec : { ...spec, process: program }, preserve };
}

export function preserveFor(program: ProcessSpec | undefined, flag: string): { readonly program: ProcessSpec | undefined; readonly preserve: number } {
  if (!/^\d+$/.test(flag)) throw new UsageError(`Cannot preserve ${JSON.stringify(flag)} descriptors: that is no number`);
  const activated = Number(process.env["LISTEN_FDS"] ?? 0) || 0;
  const preserve = Number(flag) + activated;
  for (let fd = FIRST; fd < FIRST + preserve; fd++) needOpen(fd);
  if (program === undefined || activated === 0) return { program, preserve };
  return { program: { ...program, env: [...(program.env ?? []), `LISTEN_FDS=${activated}`, "LISTEN_PID=1"] }, preserve };
}

function needOpen(fd: number): void {
  try {
    fstatSync(fd);
  } catch (error) {
    throw new UsageError(`Cannot preserve descriptor ${fd}: it is not open (${error instanceof Error ? error.message : String(error)})`);
  }
}
