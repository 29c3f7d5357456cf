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
  for (let fd = FIRST; fd < FIRST + preserve; fd++) needOpen(fd, preserve);
  if (program === undefined || activated === 0) return { program, preserve };
  return { program: { ...program, env: [...(program.env ?? []), `LISTEN_FDS=${activated}`, "LISTEN_PID=1"] }, preserve };
}

/** What the caller gave us: bin/strata-runtime.js has looked before node opened descriptors of its own under the next numbers. */
function needOpen(fd: number, all: number): void {
  const given = process.env["OPEN_FDS_OF_STRATA"];
  const isOpen = given === undefined ? fstat(fd) : given.split(" ").includes(String(fd));
  if (!isOpen) throw new UsageError(`Cannot preserve descriptor ${fd}: it is not open (unable to stat preserved-fd ${fd} of ${all})`);
}

function fstat(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}
