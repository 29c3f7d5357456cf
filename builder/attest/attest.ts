/** After a build: looks through what was built, puts together what is to be said of it, and attaches that to each image as referrers. */
import { randomUUID } from "node:crypto";
import { formatPlatform, hostPlatform } from "../../store/image/platform.ts";
import { attach, referrersOf, removeReferrer } from "../../store/image/referrers.ts";
import { IN_TOTO } from "../../store/image/retarget.ts";
import type { Digest } from "../../store/digest.ts";
import type { Descriptor, ImageConfig, Platform } from "../../store/oci.ts";
import type { ChainID, Image, Store } from "../../store/store.ts";
import type { SourceTree } from "../context/tree.ts";
import type { Dockerfile } from "../dockerfile/instruction.ts";
import type { BuildGraph, ImageOrigin, StagePlan } from "../plan/graph.ts";
import type { Progress } from "../progress.ts";
import type { BuildRequest } from "../request.ts";
import { buildFacts, type Material } from "./build-facts.ts";
import { findPackages, tellsOfPackages } from "./find-packages.ts";
import type { Attestation, AttestRequest } from "./options.ts";
import { provenancePredicate } from "./provenance.ts";
import { scanTargets } from "./scan-targets.ts";
import { spdxDocument, type SpdxSubject } from "./spdx.ts";
import { folderTree, imageTree, stackTree, type SoftwareTree } from "./software-tree.ts";
import { PREDICATE, statementOf } from "./statement.ts";
import { subgraph, type Subgraph } from "./subgraph.ts";

export interface AttestWork {
  readonly attest: AttestRequest;
  readonly request: BuildRequest;
  readonly dockerfile: Dockerfile;
  readonly graph: BuildGraph;
  /** Of every stage. */
  readonly chains: ReadonlyMap<number, ChainID | undefined>;
  readonly openImage: (origin: ImageOrigin) => Promise<Image>;
  readonly materials: readonly Material[];
  readonly contextTree: () => Promise<SourceTree>;
  readonly store: Store;
  readonly progress: Progress;
  /** Seconds. */
  readonly epoch: number;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

export interface AttestedImage {
  /** Its manifest. */
  readonly target: Descriptor;
  readonly id: Digest;
  readonly config: ImageConfig;
  readonly chain: ChainID | undefined;
  readonly platform: Platform;
  /** The stage that it is. */
  readonly stage: number;
}

interface Said {
  readonly file: string;
  readonly predicateType: string;
  readonly predicate: object;
}

/** All of one build. */
export async function attestImages(work: AttestWork, images: readonly AttestedImage[]): Promise<readonly Attestation[]> {
  const invocation = { startedAt: work.startedAt, finishedAt: Date.now(), id: randomUUID() };
  const attestations: Attestation[] = [];
  for (const image of images) {
    const graph = subgraph(work.graph, image.stage);
    const said = [...(work.attest.sbom ? await softwareOf(work, image, graph) : []), ...(await provenanceOf(work, graph, invocation))];
    for (const one of said) {
      const statement = statementOf({ digest: image.target.digest, names: work.attest.names, platform: image.platform }, one.predicateType, one.predicate);
      await attachStatement(work.store, image.target, one, statement);
      const inlineOnly = one.predicateType !== PREDICATE.spdx && work.attest.provenance?.inlineOnly === true;
      attestations.push({ file: one.file, platform: formatPlatform(image.platform), statement, inlineOnly });
    }
  }
  return attestations;
}

async function softwareOf(work: AttestWork, image: AttestedImage, graph: BuildGraph): Promise<readonly Said[]> {
  const { store, dockerfile, request, chains, progress } = work;
  const vertex = progress.start(`[${formatPlatform(image.platform)}] generating sbom`);
  const stages = graph.stages.filter(({ index }) => index !== image.stage);
  const wanted = scanTargets(dockerfile, request.buildArgs, stages.map(plainName), request.target);
  const said = [
    softwareSaid(work, await imageTree(store, image.chain, image.config, tellsOfPackages), { name: "image", purpose: "CONTAINER", version: image.id }, "sbom"),
  ];
  for (const stage of stages.filter((one) => wanted.stages.includes(plainName(one)))) {
    const tree = await stackTree(store, chains.get(stage.index), tellsOfPackages);
    said.push(softwareSaid(work, tree, { name: `stage ${plainName(stage)}`, purpose: "CONTAINER" }, `sbom-${plainName(stage)}`));
  }
  if (wanted.context && request.context !== undefined) {
    const sources = await (await work.contextTree()).select(".", { exclude: [] });
    const tree = folderTree(
      sources.flatMap(({ entries }) => entries),
      tellsOfPackages,
    );
    said.push(softwareSaid(work, tree, { name: "context", purpose: "SOURCE" }, "sbom-context"));
  }
  vertex.done();
  return said;
}

/** In a build for several platforms names begin with the platform. */
function plainName({ name, platform }: StagePlan): string {
  const prefix = `${formatPlatform(platform)} `;
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}

function softwareSaid({ attest, epoch }: AttestWork, tree: SoftwareTree, subject: SpdxSubject, file: string): Said {
  const predicate = spdxDocument(tree, findPackages(tree), { subject, tool: `strata-${attest.version}`, created: epoch });
  return { file: `${file}.spdx.json`, predicateType: PREDICATE.spdx, predicate };
}

async function provenanceOf(
  work: AttestWork,
  graph: Subgraph,
  invocation: { readonly startedAt: number; readonly finishedAt: number; readonly id: string },
): Promise<readonly Said[]> {
  const { attest, request, materials } = work;
  if (attest.provenance === undefined) return [];
  const images = await Promise.all(graph.images.map(async (origin) => ({ origin, digest: (await work.openImage(origin)).target.digest })));
  const facts = buildFacts({ request, graph, images, materials, machine: formatPlatform(hostPlatform()) });
  const predicate = provenancePredicate({ facts, options: attest.provenance, version: attest.version, invocation });
  return [{ file: "provenance.json", predicateType: attest.provenance.version === "v1" ? PREDICATE.slsa1 : PREDICATE.slsa02, predicate }];
}

const PREDICATE_TYPE = "in-toto.io/predicate-type";
const TITLE = "org.opencontainers.image.title";

/** In place of what an earlier build said of the same image under the same title. */
async function attachStatement(store: Store, subject: Descriptor, { file, predicateType }: Said, statement: string): Promise<void> {
  const annotations = { [PREDICATE_TYPE]: predicateType, [TITLE]: file };
  const referrer = await attach(store, subject, {
    artifactType: IN_TOTO,
    layers: [{ mediaType: IN_TOTO, content: statement, annotations }],
    annotations,
  });
  for (const other of referrersOf(store, subject.digest)) {
    const isOlder = other.digest !== referrer.digest && other.artifactType === IN_TOTO && other.annotations?.[TITLE] === file;
    if (isOlder) await removeReferrer(store, subject.digest, other.digest);
  }
}
