/** What is known of a build when it is done, as provenance tells it. Pure. */
import { algorithmOf, encodedOf, isDigest, type Digest } from "../../store/digest.ts";
import type { BuildGraph, ImageOrigin, Origin, Step } from "../plan/graph.ts";
import type { BuildRequest } from "../request.ts";
import { originsOf } from "../solve/solve.ts";
import { redact } from "../redact.ts";
import { imageUrl } from "./statement.ts";

export interface Dependency {
  readonly uri: string;
  readonly digest: Readonly<Record<string, string>>;
}

export interface UsedSecret {
  readonly id: string;
  readonly optional: boolean;
}

export interface BuildFacts {
  readonly file: string;
  readonly dockerfile: string;
  /** As BuildKit's front end would be given them, none withheld. */
  readonly args: Readonly<Record<string, string>>;
  readonly locals: readonly { readonly name: string }[];
  readonly secrets: readonly UsedSecret[];
  readonly ssh: readonly UsedSecret[];
  readonly dependencies: readonly Dependency[];
  readonly steps: readonly ProvenanceStep[];
  /** No step could reach the network. */
  readonly hermetic: boolean;
  readonly machine: string;
}

export interface ProvenanceStep {
  readonly id: string;
  readonly name: string;
  /** Of the Dockerfile, from 1. */
  readonly lines: readonly [start: number, end: number];
  readonly inputs: readonly string[];
}

export interface OpenedImage {
  readonly origin: ImageOrigin;
  readonly digest: Digest;
}

/** What was read from elsewhere: a URL and the digest of its content, a git remote and its commit. */
export interface Material {
  readonly uri: string;
  /** `sha256:…`, or a commit. */
  readonly digest: string;
}

export interface FactsInput {
  readonly request: BuildRequest;
  readonly graph: BuildGraph;
  readonly images: readonly OpenedImage[];
  readonly materials: readonly Material[];
  /** Of this machine. */
  readonly machine: string;
}

/** A git URL that asks for one commit. */
const COMMIT = /#([0-9a-f]{40}|[0-9a-f]{64})(?::|$)/;

export function buildFacts({ request, graph, images, materials, machine }: FactsInput): BuildFacts {
  const steps = graph.stages.flatMap((stage) => stage.steps);
  const runs = steps.flatMap(({ action }) => (action.kind === "run" ? [action] : []));
  const mounts = runs.flatMap((run) => run.mounts as readonly { readonly kind: string; readonly id?: string; readonly required?: boolean }[]);
  const used = (kind: string): readonly UsedSecret[] =>
    distinct(
      mounts.flatMap((mount) => (mount.kind === kind ? [{ id: mount.id ?? "default", optional: mount.required !== true }] : [])),
      ({ id }) => id,
    );
  const dependencies = [
    ...images.map(({ origin, digest }) => ({ uri: imageUrl(origin.reference, origin.platform), digest: digestSet(digest) })),
    ...[...materials, ...fixedMaterials(steps)].map(({ uri, digest }) => ({ uri: redact(uri), digest: digestSet(digest) })),
  ];
  return {
    file: request.dockerfile.file,
    dockerfile: request.dockerfile.text,
    args: argsOf(request),
    locals: [...(request.context === undefined ? [] : ["context"]), "dockerfile", ...localContexts(request)].map((name) => ({ name })),
    secrets: used("secret"),
    ssh: used("ssh"),
    dependencies: distinct(dependencies, ({ uri, digest }) => JSON.stringify([uri, digest])),
    steps: graph.stages.flatMap((stage) =>
      stage.steps.map((step, at) => describeStep(step, at === 0 ? originName(stage.base, graph) : `step${stage.steps[at - 1]!.id}`, graph)),
    ),
    hermetic: runs.every(({ network }) => (network === "default" ? request.network : network) === "none"),
    machine,
  };
}

/** What the Dockerfile itself names by digest or commit: nothing has to be asked for that. */
function fixedMaterials(steps: readonly Step[]): readonly Material[] {
  return steps.flatMap(({ action }): readonly Material[] => {
    if (action.kind !== "copy") return [];
    const { checksum } = action;
    const urls = checksum !== undefined && isDigest(checksum) ? action.urls.map((uri) => ({ uri, digest: checksum })) : [];
    const commits = (action.git ?? []).flatMap((uri) => (COMMIT.test(uri) ? [{ uri, digest: COMMIT.exec(uri)?.[1] ?? "" }] : []));
    return [...urls, ...commits];
  });
}

function argsOf(request: BuildRequest): Readonly<Record<string, string>> {
  const { buildArgs, labels, target, contexts, network, extraHosts, ulimits, noCache } = request;
  const epoch = request.epoch === undefined || buildArgs.has("SOURCE_DATE_EPOCH") ? [] : [["build-arg:SOURCE_DATE_EPOCH", String(request.epoch)] as const];
  const all: readonly (readonly [string, string])[] = [
    ...[...buildArgs].map(([name, value]) => [`build-arg:${name}`, redact(value)] as const),
    ...epoch,
    ...[...labels].map(([name, value]) => [`label:${name}`, value] as const),
    ...[...contexts].flatMap(([name, source]) => (source.kind === "image" ? [[`context:${name}`, `docker-image://${source.reference}`] as const] : [])),
    ...(target === undefined ? [] : [["target", target] as const]),
    ...(network === "default" ? [] : [["force-network-mode", network] as const]),
    ...(extraHosts.length === 0 ? [] : [["add-hosts", extraHosts.join(",")] as const]),
    ...(ulimits.length === 0 ? [] : [["ulimit", ulimits.map(({ name, soft, hard }) => `${name}=${soft}:${hard}`).join(",")] as const]),
    ...(noCache ? [["no-cache", ""] as const] : []),
  ];
  return Object.fromEntries(all.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function localContexts({ contexts }: BuildRequest): readonly string[] {
  return [...contexts].flatMap(([name, { kind }]) => (kind === "folder" ? [name] : [])).sort();
}

function describeStep({ id, name, place, action }: Step, base: string, graph: BuildGraph): ProvenanceStep {
  const inputs = [base, ...originsOf(action).map((origin) => originName(origin, graph))].filter((input) => input !== "");
  return { id: `step${id}`, name: redact(name), lines: [place.start, place.end], inputs: [...new Set(inputs)] };
}

/** The last step of a stage, or what it stands on; "" for the empty image. */
function originName(origin: Origin, graph: BuildGraph): string {
  if (origin.kind === "image") return imageUrl(origin.reference, origin.platform);
  if (origin.kind === "context") return `local:${origin.name ?? "context"}`;
  if (origin.kind !== "stage") return "";
  const stage = graph.stages.find(({ index }) => index === origin.index);
  const last = stage?.steps.at(-1);
  return last !== undefined ? `step${last.id}` : stage === undefined ? "" : originName(stage.base, graph);
}

/** A commit is SHA-1, or SHA-256 when it is long. */
function digestSet(text: string): Readonly<Record<string, string>> {
  if (isDigest(text)) return { [algorithmOf(text)]: encodedOf(text) };
  return { [text.length === 64 ? "sha256" : "sha1"]: text };
}

/** Sorted by the key, once each. */
function distinct<Value>(values: readonly Value[], key: (value: Value) => string): readonly Value[] {
  return [...new Map(values.map((value) => [key(value), value])).entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}
