/** The streaming subresources of pods (logs, exec, attach, port-forward), met by the engine. */
import { connect, type Socket } from "node:net";
import type { Engine } from "../../runtime/engine.ts";
import { RuntimeError } from "../../runtime/errors.ts";
import type { Attachment, ExitRecord } from "../../runtime/process.ts";
import type { KubeObject, PodExecOptions, PodLogOptions, PodProcess, PodStreams } from "../cluster.ts";
import { badRequest } from "../errors.ts";
import { containerSpec } from "./agent-parts.ts";
import { statusesOf } from "./container-status.ts";
import type { NodeAgent } from "./node-agent.ts";
import { ended, latest, type Instance, type RunningPod } from "./running.ts";

export function podStreams(engine: Engine, agent: NodeAgent): PodStreams {
  const running = (pod: KubeObject): RunningPod | undefined => agent.entry(pod.metadata.uid)?.snapshot();
  const live = (pod: KubeObject, container: string): Instance => {
    const found = running(pod);
    const instance = found === undefined ? undefined : latest(found, container);
    if (instance?.state.kind !== "running") throw badRequest(`container ${container} not found in pod ${pod.metadata.name}_${pod.metadata.namespace}`);
    return instance;
  };
  return {
    logs: (pod, options) => readLogs(engine, pod, running(pod), options),
    exec: async (pod, options) => await runExec(engine, live(pod, options.container), options),
    attach: async (pod, { container }) => {
      const { id } = live(pod, container);
      const process = processOf(await engine.attach(id), engine.wait(id));
      const once = containerSpec(pod, container)?.stdinOnce === true;
      return once ? process : { ...process, closeStdin: () => {} }; /* others may attach after this client */
    },
    dial: async (pod, port) => await dial(pod.spec.hostNetwork === true ? "127.0.0.1" : (running(pod)?.sandbox?.address ?? pod.status?.podIP), port),
  };
}

const NEWLINE = 10;

async function* readLogs(engine: Engine, pod: KubeObject, running: RunningPod | undefined, options: PodLogOptions): AsyncIterable<Uint8Array> {
  const instance = instanceForLogs(pod, running, options);
  const since = options.sinceTime ?? (options.sinceSeconds === undefined ? undefined : new Date(Date.now() - options.sinceSeconds * 1000).toISOString());
  const lines = engine.logs(instance.id, {
    follow: options.follow,
    signal: options.signal,
    ...(options.tailLines === undefined ? {} : { tail: options.tailLines }),
    ...(since === undefined ? {} : { since }),
  });
  let left = options.limitBytes ?? Infinity;
  let begins = true; /* a long line comes in parts, and is told its time once */
  try {
    for await (const { time, text } of lines) {
      const bytes = options.timestamps && begins ? Buffer.concat([Buffer.from(`${time} `), text]) : text;
      begins = text.at(-1) === NEWLINE;
      yield bytes.subarray(0, Math.min(bytes.length, left));
      left -= bytes.length;
      if (left <= 0) return;
    }
  } catch (error) {
    if (!(error instanceof RuntimeError && error.code === "CONTAINER_UNKNOWN")) throw error;
    throw badRequest(`container "${options.container}" in pod "${pod.metadata.name}" was removed from the node, and its logs with it`);
  }
}

function instanceForLogs(pod: KubeObject, running: RunningPod | undefined, { container, previous }: PodLogOptions): Instance {
  const newest = running === undefined ? undefined : latest(running, container);
  if (running === undefined || newest === undefined) {
    const status = statusesOf(pod).find(({ name }) => name === container);
    throw badRequest(waitingMessage(pod, container, status?.state.waiting?.reason ?? "ContainerCreating"));
  }
  if (!previous) return newest;
  const last = ended(running, container)[0];
  if (last === undefined) throw badRequest(`previous terminated container "${container}" in pod "${pod.metadata.name}" not found`);
  return last;
}

function waitingMessage(pod: KubeObject, container: string, reason: string): string {
  const start = `container "${container}" in pod "${pod.metadata.name}" is waiting to start: `;
  return start + (reason === "ErrImagePull" || reason === "ImagePullBackOff" ? "trying and failing to pull image" : reason);
}

async function runExec(engine: Engine, { id }: Instance, { command, tty, stdin, size }: PodExecOptions): Promise<PodProcess> {
  const { attachment, exit } = await engine.exec(id, { command, tty, stdin, ...(size === undefined ? {} : { size }) });
  if (attachment === undefined) throw badRequest("Cannot attach to the process: it was started detached");
  return processOf(attachment, exit);
}

function processOf(attachment: Attachment, exit: Promise<ExitRecord>): PodProcess {
  return {
    output: attachment.output,
    exitCode: exit.then(({ exitCode }) => exitCode),
    write: async (data) => await attachment.write(data),
    closeStdin: () => attachment.closeStdin(),
    resize: (size) => attachment.resize(size),
    [Symbol.asyncDispose]: async () => await attachment[Symbol.asyncDispose](),
  };
}

async function dial(address: string | undefined, port: number): Promise<Socket> {
  if (address === undefined) throw badRequest("Cannot reach the pod: it has no address");
  return await new Promise((resolve, reject) => {
    const socket = connect({ host: address, port });
    socket.once("connect", () => resolve(socket));
    socket.once("error", reject);
  });
}
