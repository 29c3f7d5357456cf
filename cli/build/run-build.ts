/** One build from flags to outputs: reads the definition, builds, names, writes what was asked for. */
import { removeTreeSync } from "../../store/remove-tree.ts";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "../../builder/build.ts";
import type { AttestRequest } from "../../builder/attest/options.ts";
import { BuilderError } from "../../builder/errors.ts";
import type { BuildRequest, BuildResult, Collaborators } from "../../builder/request.ts";
import type { Descriptor } from "../../store/oci.ts";
import { ownedName } from "../../store/owner.ts";
import { parseReference } from "../../store/reference.ts";
import type { Store } from "../../store/store.ts";
import type { Context } from "../context.ts";
import { readDefinition, type Definition } from "./definition.ts";
import type { CacheRequest } from "./cache-flags.ts";
import { EXIT, ExitError, report } from "../errors.ts";
import type { BuildFlags } from "./flags.ts";
import { follow, type Followed } from "./follow.ts";
import type { OutputWork, WrittenImage } from "./write-output.ts";
import type { BuildLock } from "./lock.ts";
import { openProgress, type ProgressView } from "./progress.ts";
import { buildRequest } from "./request.ts";

export async function runBuild(context: Context, folder: string, flags: BuildFlags): Promise<void> {
  const names = flags.tag.map((name) => parseReference(name).name);
  const outputs = await outputsOf(flags);
  const kind = flags.quiet === true ? "quiet" : flags.progress;
  const progress = await openProgress({ kind, explain: flags.explain === true, env: context.env, stream: context.stderr });
  const scratch = join(context.runRoot, "build");
  const unpacked = join(scratch, ownedName());
  let followed: Followed | undefined;
  try {
    const lock = flags.lock === undefined && flags.lockUpdate !== true ? undefined : new (await import("./lock.ts")).BuildLock(flags);
    const definition = await read(context, folder, flags, unpacked, lock);
    const request = { ...buildRequest(flags, definition, context.env), ...(await cacheRequest(flags)), attest: await attestOf(flags) };
    if (flags.check === true || flags.fix === true || flags.call !== "build") {
      const { callFlags, runCall } = await import("./run-call.ts");
      const call = callFlags(flags);
      if (call !== undefined) return await runCall(context, call, request, definition);
    }
    if (mustPassChecks(request)) {
      const { refuseFindings } = await import("./run-call.ts");
      await refuseFindings(context, request);
    }
    const store = await context.store();
    if (flags.dryRun === true)
      return await (
        await import("./run-dry.ts")
      ).runDry(context, request, collaborators(context, store, scratch, { onEvent: () => undefined }), flags.progress);
    followed = await follow(context, flags, request, progress);
    const debug = flags.debug === undefined ? {} : { onRunFailed: await openDebug(context, folder, flags, progress) };
    const result = await build(followed.request, { ...collaborators(context, store, scratch, followed), pins: lock?.pins(definition.path), ...debug });
    const work = { context, store, result, names: flags.tag };
    const written =
      outputs === undefined
        ? await keep(store, names, result)
        : await followed.during("exporting to outputs", async (vertex) => await outputs({ ...work, onStatus: (status) => vertex.status(status) }));
    followed.succeeded(result.id);
    progress.end();
    if (lock !== undefined) context.stderr.write(lock.save());
    await warn(context, flags, { request, result, progress });
    if (flags.iidfile !== undefined || flags.metadataFile !== undefined) await writeResultFiles(flags, result, written);
    if (result.hasNews) await boundCache(context, store);
    if (flags.quiet === true && written.isPiped !== true) context.stdout.write(`${result.images.length > 1 ? written.target.digest : result.id}\n`);
  } catch (error) {
    followed?.failed(error);
    progress.end();
    if (error instanceof BuilderError && error.place !== undefined) context.stderr.write(`${error.place.frame}\n`);
    throw followed === undefined ? error : buildFailure(context, flags, error);
  } finally {
    removeTreeSync(unpacked);
  }
}

type WriteOutputs = (work: Omit<OutputWork, "annotations">) => Promise<WrittenImage>;

/** Undefined: nothing but an image in the store is wanted, as mostly. Wrong flags are told before anything is built. */
async function outputsOf(flags: BuildFlags): Promise<WriteOutputs | undefined> {
  if (flags.output.length === 0 && flags.push !== true && flags.annotation.length === 0) return undefined;
  const [{ planOutputs }, { parseAnnotation }] = await Promise.all([import("./parse-output.ts"), import("../../builder/output/annotations.ts")]);
  const outputs = planOutputs(flags);
  const annotations = flags.annotation.flatMap(parseAnnotation);
  return async (work) => await (await import("./write-output.ts")).writeOutputs({ ...work, annotations }, outputs);
}

async function keep(store: Store, names: readonly string[], { target }: BuildResult): Promise<WrittenImage> {
  for (const name of names) await tag(store, name, target);
  if (names.length === 0) await store.images.keep(target);
  return { target, names };
}

async function attestOf(flags: BuildFlags): Promise<AttestRequest | undefined> {
  if (flags.sbom === undefined && flags.provenance === undefined && flags.attest.length === 0) return undefined;
  return (await import("./attest-flags.ts")).attestRequest(flags);
}

/** A name that points there already is left alone: a write has to reach the disk. */
async function tag(store: Store, name: string, target: Descriptor): Promise<void> {
  if ((await store.images.find(name))?.target.digest !== target.digest) await store.images.tag(name, target);
}

async function read(context: Context, folder: string, flags: BuildFlags, unpacked: string, lock: BuildLock | undefined): Promise<Definition> {
  return await readDefinition({
    context: folder,
    file: flags.file,
    remote: async () => await (await import("./remote-definition.ts")).remoteInput(context, flags, unpacked, lock?.pins(undefined)),
    async readStdin() {
      const { buffer } = await import("node:stream/consumers");
      return await buffer(context.stdin);
    },
    async unpack(tar) {
      const { unpackTar } = await import("../../builder/context/unpack-tar.ts");
      const target = join(unpacked, "context");
      mkdirSync(target, { recursive: true, mode: 0o700 });
      writeFileSync(join(unpacked, "tar"), tar);
      await unpackTar(join(unpacked, "tar"), target, { folder: unpacked, signal: context.signal });
      return target;
    },
  });
}

/** After what this build gave has its name: what nothing else holds may go. A cache that stays too large fails no build. */
async function boundCache(context: Context, store: Store): Promise<void> {
  const { autoPrune, cacheLimit } = await import("../../builder/cache/auto-prune.ts");
  try {
    await autoPrune(store, cacheLimit(context.env["STRATA_CACHE_LIMIT"]));
  } catch (error) {
    context.stderr.write(`WARNING: the build cache was not pruned: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}

/** Of --cache-from and --cache-to. */
async function cacheRequest(flags: BuildFlags): Promise<CacheRequest> {
  if (flags.cacheFrom.length + flags.cacheTo.length === 0) return {};
  const { readCacheFlags } = await import("./cache-flags.ts");
  return readCacheFlags(flags);
}

function collaborators(context: Context, store: Store, scratch: string, followed: Pick<Followed, "onEvent">): Collaborators {
  return {
    store,
    helper: context.helper,
    scratch,
    signal: context.signal,
    onEvent: followed.onEvent,
    async executor() {
      const [{ buildExecutor }, processes] = await Promise.all([import("../build-executor.ts"), context.processes()]);
      return buildExecutor(processes);
    },
    async cacheStorage(place) {
      const { cacheStorage } = await import("./cache-storage.ts");
      return await cacheStorage(context)(place);
    },
    puller: {
      async pull(reference, { platform, refresh, onStatus = () => undefined }) {
        const [{ pullImage }, { transferStatus }] = await Promise.all([import("../pull-image.ts"), import("./transfer-status.ts")]);
        return (await pullImage(context, reference, { platform, refresh, progress: false, onTransfer: transferStatus(onStatus) })).target;
      },
    },
  };
}

async function openDebug(context: Context, folder: string, flags: BuildFlags, view: ProgressView): Promise<NonNullable<Collaborators["onRunFailed"]>> {
  const { debugShell } = await import("./debug-shell.ts");
  return debugShell(context, { shell: flags.debug ?? "", view, isInputTaken: folder === "-" || flags.file === "-" });
}

/** `error=true` of the check options, looked for before they are read. */
function mustPassChecks({ buildArgs, dockerfile }: BuildRequest): boolean {
  return /error/.test(buildArgs.get("BUILDKIT_DOCKERFILE_CHECK") ?? /^\s*#\s*check\s*=(.*)/im.exec(dockerfile.text)?.[1] ?? "");
}

interface Finished {
  readonly request: BuildRequest;
  readonly result: BuildResult;
  readonly progress: ProgressView;
}

async function warn(context: Context, flags: BuildFlags, { request, result, progress }: Finished): Promise<void> {
  if (flags.quiet === true) return;
  const { buildWarnings, warningsText } = await import("./warnings.ts");
  const findings = buildWarnings(request, result);
  if (!progress.warn(findings, request.dockerfile)) context.stderr.write(warningsText(findings));
}

/** Said as docker says it; what is no failure of the build stays what it is. */
function buildFailure(context: Context, { debug }: BuildFlags, error: unknown): unknown {
  const { status, text } = report(error);
  if (debug !== undefined && !(error instanceof BuilderError && error.code === "RUN_FAILED"))
    context.stderr.write("--debug opens a shell where a RUN failed; what failed here runs nothing in the image\n");
  if (status !== EXIT.refused || text === "") return error;
  context.stderr.write(`ERROR: failed to build: ${text}\n`);
  return new ExitError(status);
}

async function writeResultFiles(flags: BuildFlags, result: BuildResult, written: WrittenImage): Promise<void> {
  const { resultFiles } = await import("./result-files.ts");
  resultFiles(flags, result, written);
}
