/**
 * How an image was built, as SLSA provenance in the shape that BuildKit documents for its build type, so that its readers read ours. Pure.
 * Values of secrets are never among what is told. Spec: SLSA provenance v1 and v0.2; BuildKit, docs/attestations/slsa-definitions.md.
 */
import type { BuildFacts } from "./build-facts.ts";
import type { ProvenanceOptions } from "./options.ts";

export interface Invocation {
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly id: string;
}

export interface ProvenanceInput {
  readonly facts: BuildFacts;
  readonly options: ProvenanceOptions;
  /** Of this program. */
  readonly version: string;
  readonly invocation: Invocation;
}

const BUILD_TYPE = { v1: "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md", v02: "https://mobyproject.org/buildkit@v1" };
/** Withheld by `min`. */
const WITHHELD = /^(?:build-arg|label):/;

export function provenancePredicate(input: ProvenanceInput): object {
  return input.options.version === "v1" ? predicateV1(input) : predicateV02(input);
}

function predicateV1({ facts, options, version, invocation }: ProvenanceInput): object {
  const isMax = options.mode === "max";
  return {
    buildDefinition: {
      buildType: BUILD_TYPE.v1,
      externalParameters: { configSource: { path: facts.file }, request: parameters(facts, isMax) },
      internalParameters: { builderPlatform: facts.machine, ...(isMax ? { buildConfig: { steps: stepsOf(facts) } } : {}) },
      resolvedDependencies: facts.dependencies,
    },
    runDetails: {
      builder: { id: options.builderId ?? builderId(version), version: { strata: version } },
      metadata: {
        ...(options.reproducible === false
          ? { invocationID: invocation.id, startedOn: timeOf(invocation.startedAt), finishedOn: timeOf(invocation.finishedAt) }
          : {}),
        ...(isMax ? { buildkit_metadata: { source: sourceOf(facts) } } : {}),
        buildkit_hermetic: facts.hermetic,
        buildkit_completeness: { request: isMax, resolvedDependencies: isComplete(facts) },
        ...(options.reproducible === true ? { buildkit_reproducible: true } : {}),
      },
    },
  };
}

function predicateV02({ facts, options, version, invocation }: ProvenanceInput): object {
  const isMax = options.mode === "max";
  const times =
    options.reproducible === false
      ? { buildInvocationID: invocation.id, buildStartedOn: timeOf(invocation.startedAt), buildFinishedOn: timeOf(invocation.finishedAt) }
      : {};
  return {
    builder: { id: options.builderId ?? builderId(version) },
    buildType: BUILD_TYPE.v02,
    materials: facts.dependencies,
    invocation: { configSource: { entryPoint: facts.file }, parameters: parameters(facts, isMax), environment: { platform: facts.machine } },
    ...(isMax ? { buildConfig: { steps: stepsOf(facts) } } : {}),
    metadata: {
      ...times,
      completeness: { parameters: isMax, environment: true, materials: isComplete(facts) },
      reproducible: options.reproducible === true,
      "https://mobyproject.org/buildkit@v1#hermetic": facts.hermetic,
      ...(isMax ? { "https://mobyproject.org/buildkit@v1#metadata": { source: sourceOf(facts) } } : {}),
    },
  };
}

/** Names the program by its package URL: a URI that is the same wherever it runs. */
function builderId(version: string): string {
  return `pkg:generic/strata@${version}`;
}

function parameters({ args, locals, secrets, ssh }: BuildFacts, isMax: boolean): object {
  const told = Object.entries(args).filter(([name]) => isMax || !WITHHELD.test(name));
  return {
    frontend: "dockerfile.v0",
    args: Object.fromEntries(told),
    ...(isMax && secrets.length > 0 ? { secrets } : {}),
    ...(isMax && ssh.length > 0 ? { ssh } : {}),
    locals,
  };
}

/** What local folders held is not told. */
function isComplete({ locals, hermetic }: BuildFacts): boolean {
  return hermetic && locals.every(({ name }) => name === "dockerfile");
}

function stepsOf({ steps }: BuildFacts): readonly object[] {
  return steps.map(({ id, name, inputs }) => ({ id, name, inputs }));
}

/** The Dockerfile, and which lines each step came from. */
function sourceOf({ steps, file, dockerfile }: BuildFacts): object {
  const locations = steps.map(({ id, lines: [start, end] }) => [id, { locations: [{ ranges: [{ start: { line: start }, end: { line: end } }] }] }] as const);
  return {
    locations: Object.fromEntries(locations),
    infos: [{ filename: file, language: "Dockerfile", data: Buffer.from(dockerfile).toString("base64") }],
  };
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
