/** exec: another program in a running container, as its record says unless told. */
import type { ExecOptions } from "../engine.ts";
import { RuntimeError } from "../errors.ts";
import type { Attachment, ExitRecord } from "../process.ts";
import type { ProcessSpec } from "../spec.ts";
import { environment } from "./environment.ts";
import { capabilitySets, confines } from "./generate.ts";
import { hostnameOf } from "./hosts.ts";
import type { Parts } from "./parts.ts";
import { accountOf, capabilitiesOf } from "./spec-of.ts";
import { targetOf } from "./target.ts";
import { tellContainer } from "./tell.ts";
import { checkWords } from "./words.ts";

/** @throws {RuntimeError} `SPEC_INVALID`, `CONTAINER_STATE`, `USER_UNKNOWN`, `COMMAND_NOT_FOUND`, `COMMAND_NOT_EXECUTABLE` */
export async function execIn(
  parts: Parts,
  reference: string,
  options: ExecOptions,
): Promise<{ readonly execID: string; readonly attachment?: Attachment; readonly exit: Promise<ExitRecord> }> {
  checkWords(...options.command, ...(options.env ?? []), options.cwd, options.user);
  const { record, status } = await targetOf(parts, reference, "exec in");
  if (status.status === "paused") throw new RuntimeError("CONTAINER_STATE", `Cannot exec in container ${record.name}: it is paused`);
  const user = options.user ?? record.config.User ?? "";
  const account = await accountOf(parts, record, user);
  const granted = options.privileged === true ? capabilitiesOf({ ...record.options, privileged: true }) : capabilitiesOf(record.options);
  const tty = options.tty ?? false;
  const spec: ProcessSpec = {
    terminal: tty,
    ...(options.size !== undefined && { consoleSize: options.size }),
    user: { uid: account.uid, gid: account.gid, additionalGids: account.additionalGids },
    args: options.command,
    env: environment({ image: record.config.Env ?? [], flags: options.env ?? [], hostname: hostnameOf(parts, record), home: account.home, tty }),
    cwd: options.cwd ?? (record.config.WorkingDir === undefined || record.config.WorkingDir === "" ? "/" : record.config.WorkingDir),
    capabilities: capabilitySets(granted),
    noNewPrivileges: record.options.noNewPrivileges ?? false,
    ...(confines(record.options.apparmor) && { apparmorProfile: record.options.apparmor }),
  };
  const started = await parts.processes.exec(record.id, spec, {
    stdin: options.stdin ?? false,
    detach: options.detach ?? false,
    bound: options.bound ?? false,
  });
  const words = options.command.join(" ");
  tellContainer(parts, `exec_create: ${words}`, record, { execID: started.execID });
  tellContainer(parts, `exec_start: ${words}`, record, { execID: started.execID });
  started.exit.then(
    ({ exitCode }) => tellContainer(parts, "exec_die", record, { execID: started.execID, exitCode: String(exitCode) }),
    () => undefined, // the caller hears of it
  );
  return started;
}
