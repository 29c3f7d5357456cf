/** Flags → what the builder is asked for. */
import { resolve } from "node:path";
import { CONTEXT_MODES } from "../../builder/context/context-mode.ts";
import { EPOCH_ARG, meantEpoch } from "../../builder/epoch.ts";
import { contextName } from "../../builder/plan/named-context.ts";
import { parsePlatform } from "../../builder/plan/platform.ts";
import { remoteKind } from "../../builder/plan/remote-kind.ts";
import type { BuildRequest, ContextSource } from "../../builder/request.ts";
import { formatPlatform, hostPlatform } from "../../store/image/platform.ts";
import type { Platform } from "../../store/oci.ts";
import { UsageError } from "../errors.ts";
import type { Definition } from "./definition.ts";
import type { BuildFlags } from "./flags.ts";
import { readSize, runOptions } from "./run-options.ts";
import { readPair, readPairs } from "./pairs.ts";
import { readSecrets } from "./secrets.ts";

const NETWORKS = ["default", "none", "host"] as const;

/** @throws {UsageError} @throws {BuilderError} `FLAG_INVALID` */
export function buildRequest(flags: BuildFlags, definition: Definition, env: NodeJS.ProcessEnv): BuildRequest {
  const network = NETWORKS.find((name) => name === flags.network);
  if (network === undefined) throw new UsageError(`Cannot use --network ${flags.network}: expected ${NETWORKS.join(", ")}`);
  const contextModes = CONTEXT_MODES.find((name) => name === flags.contextMode);
  if (contextModes === undefined) throw new UsageError(`Cannot use --context-mode ${flags.contextMode}: expected ${CONTEXT_MODES.join(", ")}`);
  return {
    ...definition,
    contextModes,
    contexts: new Map(flags.buildContext.map(contextSource)),
    target: flags.target,
    buildArgs: buildArgs(flags.buildArg, env, definition.contextTime),
    labels: readPairs("label", flags.label),
    platforms: platforms(flags.platform),
    secrets: readSecrets(flags, env),
    ...runOptions(flags, env),
    explain: flags.explain ?? false,
    strict: flags.strict ?? false,
    noCache: !flags.cache,
    ...(flags.noCacheFilter.length === 0 ? {} : { noCacheFilter: new Set(flags.noCacheFilter.flatMap((names) => names.split(","))) }),
    pull: flags.pull ?? false,
    network,
    extraHosts: flags.addHost,
    shmSize: readSize("shm-size", flags.shmSize),
    ulimits: flags.ulimit.map(ulimit),
    epoch: undefined, // the environment's is a build argument
  };
}

/** Each once, in the order of the flags; `local` is this machine's. */
function platforms(texts: readonly string[]): readonly Platform[] {
  const words = texts.flatMap((text) => text.split(",")).map((word) => word.trim());
  const found = words.map((word) => (word === "local" ? hostPlatform() : parsePlatform(word)));
  return [...new Map(found.map((platform) => [JSON.stringify([formatPlatform(platform), platform["os.version"]]), platform])).values()];
}

/** A name alone takes the environment's value, and none when there is none. SOURCE_DATE_EPOCH is always taken. */
function buildArgs(texts: readonly string[], env: NodeJS.ProcessEnv, contextTime: number | undefined): ReadonlyMap<string, string> {
  const args = new Map<string, string>();
  for (const text of texts) {
    const value = text.includes("=") ? undefined : env[text];
    if (text.includes("=")) args.set(...readPair("build-arg", text));
    else if (value !== undefined) args.set(text, value);
  }
  const epoch = args.get(EPOCH_ARG) ?? (env[EPOCH_ARG] || undefined); // as buildx: an ARG of that name sees the environment's
  const meant = epoch === undefined ? undefined : meantEpoch(epoch, contextTime);
  if (meant === undefined) args.delete(EPOCH_ARG);
  else args.set(EPOCH_ARG, meant);
  return args;
}

function contextSource(text: string): readonly [string, ContextSource] {
  const [written, source] = readPair("build-context", text);
  const name = contextName(written);
  const image = /^docker-image:\/\/(.+)$/.exec(source)?.[1];
  if (image !== undefined) return [name, { kind: "image", reference: image }];
  const layout = /^oci-layout:\/\/(.+)$/.exec(source)?.[1];
  if (layout !== undefined) return [name, { kind: "image", reference: `oci-layout://${resolve(layout)}` }];
  if (remoteKind(source) !== undefined) return [name, { kind: "remote", url: source }];
  if (/^[a-z][a-z0-9+.-]*:\/\//.test(source))
    throw new UsageError(`Cannot use ${source} as a context: expected a folder, docker-image://, oci-layout://, http(s)://, or a git repository`);
  return [name, { kind: "folder", path: resolve(source) }];
}

function ulimit(text: string): BuildRequest["ulimits"][number] {
  const [name, limits] = readPair("ulimit", text);
  const [soft = Number.NaN, hard = soft] = limits.split(":").map((word) => (word === "unlimited" ? -1 : Number(word)));
  if (!Number.isInteger(soft) || !Number.isInteger(hard)) throw new UsageError(`Cannot read --ulimit ${text}: write NAME=SOFT[:HARD]`);
  return { name, soft, hard };
}
