/** Making a container: state folder, operations, helper. */
import { removeTreeSync } from "../../store/remove-tree.ts";
import type { CreateOptions, CreateRequest, ExitRecord, Processes, ProcessState } from "../process.ts";
import type { Spec } from "../spec.ts";
import { completeDeviceRules } from "./cgroup/devices.ts";
import type { Groups } from "./cgroup/groups.ts";
import type { MonitorClient } from "./client.ts";
import { removeGroups } from "./control.ts";
import { Folder } from "./folder.ts";
import { loadHooks } from "./hooks/load.ts";
import { removeContainer } from "./remove.ts";
import { exitEnvironment, type Host, placeContainer } from "./host.ts";
import { startHelper } from "./launch.ts";
import { lower } from "./lower.ts";
import { bootID, startTimeOf } from "../../store/process-id.ts";
import { seccompProgram } from "./seccomp/program.ts";

export interface LaunchWishes extends CreateOptions {
  readonly start: boolean;
  readonly attach: boolean;
}

/** The folder is gone again when this throws. */
export async function createContainer(
  host: Host,
  request: CreateRequest,
  options: LaunchWishes,
): Promise<{ readonly state: ProcessState; readonly client: MonitorClient }> {
  const { id, stdio } = request;
  const folder = Folder.of(host.runRoot, id);
  const { leave = false, preserve = 0 } = options;
  using helper = startHelper(host.helper, { inherit: stdio.kind === "inherit", detached: !leave, preserve });
  const { spec, groups } = await place(host, request);
  const seccomp = await seccompProgram(host.runRoot, spec.linux?.seccomp);
  const hooks = await loadHooks(spec, id, options.bundle, folder.path);
  const operations = lower({
    request: { ...request, spec },
    mode: leave ? "leave" : "stay",
    start: options.start,
    attach: options.attach,
    directory: folder.path,
    ...(options.consoleSocket !== undefined && { consoleSocket: options.consoleSocket }),
    groups,
    seccomp,
    environment: exitEnvironment(process.env),
    ...(options.keyring !== undefined && { keyring: options.keyring }),
    preserve,
    rootless: host.rootless,
    ...(options.bundle !== undefined && { bundle: options.bundle }),
    nested: host.nested,
  });
  folder.make();
  try {
    folder.record({
      spec,
      maker: { pid: process.pid, startTime: startTimeOf(process.pid) ?? 0 },
      boot: bootID(),
      created: new Date().toISOString(),
      ...(groups !== undefined && { groups }),
      ...(options.bundle !== undefined && { bundle: options.bundle }),
    });
    const { client } = helper.launch(operations);
    hooks?.attach(client);
    const { pid, startTime } = await client.ready;
    const startedAt = options.start ? await client.started : undefined;
    if (options.start) await hooks?.started(pid);
    return { state: { id, status: startedAt === undefined ? "created" : "running", pid, startTime, ...(startedAt !== undefined && { startedAt }) }, client };
  } catch (error) {
    if (hooks !== undefined) await removeContainer(folder, id, host.warn); // they may have met it, so the last ones must
    if (groups !== undefined) await removeGroups(groups); // the helper does it, unless it was killed
    removeTreeSync(folder.path);
    throw error;
  }
}

/** Foreground; the helper lives and dies with its control socket, and leaves nothing behind. */
export async function runOnce(host: Host, ...[request, options]: Parameters<Processes["runOnce"]>): Promise<ExitRecord> {
  const { id } = request;
  options.signal?.throwIfAborted();
  using helper = startHelper(host.helper, { inherit: false, detached: false });
  const { spec, groups } = await place(host, request);
  const seccomp = await seccompProgram(host.runRoot, spec.linux?.seccomp);
  const { attach } = options;
  const stdio = { kind: "monitor", stdin: attach !== undefined } as const;
  const operations = lower({
    request: { ...request, spec, stdio },
    mode: "once",
    start: true,
    attach: true,
    groups,
    seccomp,
    environment: {},
    rootless: host.rootless,
    nested: host.nested,
  });
  const hooks = await loadHooks(spec, id);
  const { client, ended } = helper.launch(operations);
  hooks?.attach(client);
  if (attach === undefined) client.onOutput(({ stream, data }) => options.onOutput(stream, data));
  const abort = (): void => {
    client.close();
  };
  options.signal?.addEventListener("abort", abort, { once: true });
  try {
    await client.started;
    if (hooks !== undefined) await hooks.started((await client.ready).pid);
    await attach?.(client.attachment());
    return await client.exit;
  } catch (error) {
    client.close();
    throw options.signal?.aborted === true ? options.signal.reason : error;
  } finally {
    options.signal?.removeEventListener("abort", abort);
    await ended;
    await hooks?.removed(host.warn);
  }
}

/** The spec with all device rules, and with those limits alone that its groups hold. */
async function place(host: Host, { id, spec }: Pick<CreateRequest, "id" | "spec">): Promise<{ readonly spec: Spec; readonly groups: Groups | undefined }> {
  const wanted = { ...spec.linux?.resources, devices: completeDeviceRules(spec.linux?.resources?.devices) };
  const { groups, resources } = await placeContainer(host, id, spec.linux?.cgroupsPath, wanted);
  return { spec: { ...spec, linux: { ...spec.linux, resources } }, groups };
}
