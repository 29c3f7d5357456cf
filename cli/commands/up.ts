/** strata up: the Kubernetes API and all behind it in this process, until it is told to end. Containers outlive it. */
import { once } from "node:events";
import { Command, Option } from "commander";
import { CodedError } from "../../store/errors.ts";
import { cannotListen } from "../cannot-listen.ts";
import type { Context } from "../context.ts";
import { readDuration } from "../duration.ts";
import { EXIT, ExitError, UsageError } from "../errors.ts";
import { version } from "../version.ts";

interface Flags {
  readonly listen: string;
  readonly nodeName?: string;
  readonly serviceAddress: string;
  readonly metricResolution: string;
  readonly horizontalPodAutoscalerSyncPeriod: string;
  readonly nodeMonitorGracePeriod: string;
  readonly proxyMode?: string;
}

export function command(context: Context): Command {
  return new Command()
    .description("Run a Kubernetes cluster of this one machine")
    .option("--listen <address>", "address and port of the Kubernetes API; port 0 picks a free one", "127.0.0.1:6443")
    .option("--node-name <name>", "name of this node (default: the host's name)")
    .option(
      "--service-address <address>",
      "address that services of type LoadBalancer tell; they and node ports listen there, on 127.0.0.1 and at the node's address",
      "127.0.0.1",
    )
    .addOption(
      new Option("--proxy-mode <mode>", "how connections to services reach pods (default: nftables where this machine has nft)").choices([
        "nftables",
        "userspace",
      ]),
    )
    .option("--metric-resolution <duration>", "how often nodes and pods are measured", "10s")
    .option("--horizontal-pod-autoscaler-sync-period <duration>", "how often autoscalers look at what their pods use", "15s")
    .option("--node-monitor-grace-period <duration>", "how long a node may be silent before it counts as lost", "40s")
    .action(async (flags: Flags) => await run(context, flags));
}

async function run(context: Context, flags: Flags): Promise<void> {
  if (process.getuid?.() !== 0)
    throw new ExitError(
      EXIT.refused,
      "Cannot run a cluster as an ordinary user: pods need bridges and control groups of this machine\nRun it as root: sudo strata up",
    );
  const listen = readAddress(flags.listen);
  const [{ up }, { defaultNodeName }, { removeProcessFile, writeProcessFile }] = await Promise.all([
    import("../../orchestrator/up.ts"),
    import("../../orchestrator/kubelet/node-status.ts"),
    import("../../orchestrator/process-file.ts"),
  ]);
  const say = (line: string): void => void context.stdout.write(`${line}\n`);
  const [store, engine] = [await context.store(), await context.engine()];
  const starting = up({
    root: context.root,
    listen,
    nodeName: flags.nodeName ?? defaultNodeName(),
    serviceAddress: flags.serviceAddress,
    proxyMode: flags.proxyMode as "nftables" | "userspace" | undefined,
    version: version(),
    engine,
    images: store.images,
    paces: {
      metricResolution: readPace(flags.metricResolution),
      autoscalerSync: readPace(flags.horizontalPodAutoscalerSyncPeriod),
      nodeMonitorGrace: readPace(flags.nodeMonitorGracePeriod),
    },
    puller: { pull: async (reference, { auth }) => await pull(context, reference, auth) },
    log: (message) => void context.stderr.write(`strata: ${message}\n`),
  });
  const cluster = await starting.catch((error: unknown) => {
    throw explain(error, flags.listen);
  });
  writeProcessFile(context.root);
  say(`Kubernetes API: ${cluster.url}`);
  say(`kubeconfig: ${cluster.kubeconfig}`);
  say("ready");
  if (!context.signal.aborted) await once(context.signal, "abort");
  await cluster[Symbol.asyncDispose]();
  removeProcessFile(context.root);
  context.stderr.write("Stopped; containers of pods go on until 'strata down' ends them, and 'strata up' takes them over\n");
}

async function pull(context: Context, reference: string, auth: { readonly username: string; readonly password: string } | undefined): Promise<void> {
  const { pullImage } = await import("../pull-image.ts");
  await pullImage(context, reference, { refresh: true, ...(auth === undefined ? {} : { login: { kind: "password", ...auth } }) });
}

/** A port that cannot be had is no bug, nor is a cluster that runs already. */
function explain(error: unknown, listen: string): unknown {
  if (error instanceof CodedError && error.code === "ServiceUnavailable")
    return new ExitError(1, `${error.message}\n'strata get nodes' asks it, 'strata down' ends it; another root (--root) may have another cluster`);
  return cannotListen(error, listen) ?? error;
}

/** Milliseconds, at least a second: what is measured over less is noise. @throws {UsageError} */
function readPace(text: string): number {
  const milliseconds = readDuration(text);
  if (milliseconds < 1000 || milliseconds === Infinity) throw new UsageError(`Cannot keep a pace of ${text}: the shortest is 1s`);
  return milliseconds;
}

function readAddress(text: string): { readonly host: string; readonly port: number } {
  const found = /^(.*):(\d{1,5})$/.exec(text);
  if (found === null || Number(found[2]) > 65_535) throw new UsageError(`Cannot listen on ${JSON.stringify(text)}: write ADDRESS:PORT`);
  return { host: (found[1] ?? "").replace(/^\[|\]$/g, "") || "127.0.0.1", port: Number(found[2]) };
}
