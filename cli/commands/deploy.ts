/** strata deploy IMAGE: a Deployment of it, and with --port a Service before it. The same objects run on any Kubernetes. */
import { Command, Option } from "commander";
import { stringify } from "yaml";
import type { Draft, KubeObject } from "../../orchestrator/cluster.ts";
import { applyManifest } from "../../orchestrator/client/apply.ts";
import { messageOf } from "../../orchestrator/errors.ts";
import { deployManifests, nameFor, type DeployRequest } from "../../orchestrator/client/deploy-manifests.ts";
import { ClientError } from "../../orchestrator/client/errors.ts";
import type { KubeClient } from "../../orchestrator/client/kube-client.ts";
import { pathOf, resourceByWord } from "../../orchestrator/client/paths.ts";
import { portHint, whyStuck } from "../../orchestrator/client/unready.ts";
import { waitForRollout } from "../../orchestrator/client/wait-rollout.ts";
import { waitForAddress } from "../../orchestrator/client/wait-service.ts";
import { parseReference } from "../../store/reference.ts";
import { addNamespaceFlag, reachCluster } from "../cluster/connect.ts";
import { exposedPorts } from "../cluster/exposed-ports.ts";
import { readDuration } from "../duration.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { collect } from "../collect.ts";

interface Flags {
  readonly name?: string;
  readonly namespace: string;
  readonly replicas: string;
  readonly port: readonly string[];
  readonly env: readonly string[];
  readonly wait: boolean;
  readonly timeout: string;
  readonly dryRun: boolean;
  readonly output?: string;
}

export function command(context: Context): Command {
  const verb = new Command()
    .description("Run replicas of an image on the cluster")
    .argument("<image>")
    .option("--name <name>", "name of the deployment (default: from the image)")
    .option("--replicas <count>", "how many", "1")
    .option("-p, --port <host:container>", "reach a port of the replicas at a port of this machine (default: the one that the image EXPOSEs)", collect, [])
    .option("-e, --env <name=value>", "environment variable", collect, [])
    .option("--no-wait", "do not wait until all replicas are available")
    .option("--timeout <duration>", "longest wait", "5m")
    .option("--dry-run", "print the objects and change nothing", false)
    .addOption(new Option("-o, --output <format>", "with --dry-run").choices(["yaml", "json"]));
  return addNamespaceFlag(verb).action(async (image: string, flags: Flags) => await run(context, image, flags));
}

async function run(context: Context, image: string, flags: Flags): Promise<void> {
  const request = await withOwnPort(context, readRequest(image, flags));
  const manifests = deployManifests(request);
  if (flags.dryRun) return void context.stdout.write(manifestText(manifests, flags.output));
  using client = await reachCluster(context);
  const say = (line: string): void => void context.stdout.write(`${line}\n`);
  for (const manifest of manifests) {
    const { name, outcome } = await applyManifest(client, manifest, { namespace: request.namespace });
    say(`${name} ${outcome}`);
  }
  if (!flags.wait) return;
  const path = pathOf(resourceByWord("deployments"), request.namespace, request.name);
  await waitForRollout(client, path, {
    timeout: readDuration(flags.timeout),
    tell: say,
    signal: context.signal,
    giveUp: unreadiness(context, client, request),
  });
  if (request.ports.length === 0) return;
  try {
    const address = await waitForAddress(client, request.namespace, request.name, context.signal);
    for (const { host } of request.ports) say(`http://${address}:${host}`);
  } catch (error) {
    if (flags.port.length > 0 || !(error instanceof ClientError)) throw error;
    say(`${error.message}\nNobody asked for port ${request.ports[0]?.host}: --port HOST:CONTAINER picks another`);
  }
}

/** Without a word about ports, the one that the image EXPOSEs. */
async function withOwnPort(context: Context, request: DeployRequest): Promise<DeployRequest> {
  if (request.ports.length > 0) return request;
  const [port, ...more] = (await exposedPorts(context, request.image)) ?? [];
  return port === undefined || more.length > 0 ? request : { ...request, ports: [{ host: port, container: port }] };
}

function manifestText(manifests: readonly Draft[], output: string | undefined): string {
  if (output === "json") return `${JSON.stringify({ apiVersion: "v1", kind: "List", items: manifests }, null, 4)}\n`;
  return manifests.map((manifest) => stringify(manifest, { aliasDuplicateObjects: false })).join("---\n");
}

type GiveUp = (pods: readonly KubeObject[]) => Promise<string | undefined>;

/** Asks the store late: the cluster may have pulled the image meanwhile. */
function unreadiness(context: Context, client: KubeClient, { image, ports }: DeployRequest): GiveUp {
  return async (pods) => {
    const [first] = ports;
    if (first === undefined) return undefined;
    const probed = { image, port: first.container, exposed: await exposedPorts(context, image) };
    const why = await whyStuck(client, pods, probed, Date.now());
    return why === undefined ? undefined : `${why}\n${portHint(probed, first.host)}`;
  };
}

function readRequest(image: string, flags: Flags): DeployRequest {
  checkImage(image);
  const name = flags.name ?? nameFor(image);
  if (name === "") throw new UsageError(`Cannot make a name of ${JSON.stringify(image)}: give one with --name`);
  if (!/^\d+$/.test(flags.replicas)) throw new UsageError(`Cannot run ${JSON.stringify(flags.replicas)} replicas: give a number`);
  return { image, name, namespace: flags.namespace, replicas: Number(flags.replicas), ports: flags.port.map(readPort), env: flags.env.map(readVariable) };
}

/** Before anything is made of it. */
function checkImage(image: string): void {
  try {
    parseReference(image);
  } catch (error) {
    throw new UsageError(`Cannot deploy ${JSON.stringify(image)}: ${messageOf(error)}`);
  }
}

function readPort(text: string): DeployRequest["ports"][number] {
  const [host = "", container = host, more] = text.split(":");
  if (![host, container].every((port) => /^\d{1,5}$/.test(port) && Number(port) > 0 && Number(port) < 65_536) || more !== undefined) {
    throw new UsageError(`Cannot publish ${JSON.stringify(text)}: write HOST:CONTAINER, two port numbers`);
  }
  return { host: Number(host), container: Number(container) };
}

function readVariable(text: string): DeployRequest["env"][number] {
  const equals = text.indexOf("=");
  if (equals < 1) throw new UsageError(`Cannot read ${JSON.stringify(text)} as a variable: write NAME=VALUE`);
  return { name: text.slice(0, equals), value: text.slice(equals + 1) };
}
