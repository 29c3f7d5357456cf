/** One build from flags to outputs: reads the definition, builds, names, writes what was asked for. */
import { removeTreeSync } from "../../store/remove-tree.ts";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "../../builder/build.ts";
import type { AttestRequest } from "../../builder/attest/options.ts";
import { BuilderError } from "../../builder/errors.ts";
import type { BuildRequest, BuildResult, Collaborators } from "../../builder/request.ts";
import { ownedName } from "../../store/owner.ts";
import type { Store } from "../../store/store.ts";
import type { Context } from "../context.ts";
import type { CacheRequest } from "./cache-flags.ts";
import { collaborators } from "./collaborators.ts";
import { readDefinition, type Definition } from "./definition.ts";
import { EXIT, ExitError, report } from "../errors.ts";
import type { BuildFlags } from "./flags.ts";
import { follow, type Followed } from "./follow.ts";
import { keepImage, namesOf, outputsOf, type WriteOutputs } from "./keep-result.ts";
import type { WrittenImage } from "./write-output.ts";
import type { BuildLock } from "./lock.ts";
import { openProgress } from "./progress.ts";
import type { ProgressView } from "./progress-view.ts";
import { buildRequest } from "./request.ts";

/** One build, as it was asked for. */
interface Run {
  readonly context: Context;
  readonly folder: string;
  readonly flags: BuildFlags;
  readonly names: readonly string[];
  readonly outputs: WriteOutputs | undefined;
  readonly progress: ProgressView;
  /** Of all builds; the builder sweeps it. */
  readonly scratch: string;
  /** Of this build: what stdin and URLs gave. */
  readonly unpacked: string;
}

export async function runBuild(context: Context, folder: string, flags: BuildFlags): Promise<void> {
  const names = namesOf(flags);
  const outputs = await outputsOf(flags);
  const kind = flags.quiet === true ? "quiet" : flags.progress;
  const progress = await openProgress({ kind, explain: flags.explain === true, env: context.env, stream: context.stderr });
  const scratch = join(context.runRoot, "build");
  const run: Run = { context, folder, flags, names, outputs, progress, scratch, unpacked: join(scratch, ownedName()) };
  let followed: Followed | undefined;
  try {
    const asked = await readRequest(run);
    if (await isAnswered(run, asked)) return;
    const store = await context.store();
    followed = await follow(context, flags, asked.request, progress);
    await buildAndWrite(run, asked, store, followed);
  } catch (error) {
    followed?.failed(error);
    progress.end();
    if (error instanceof BuilderError && error.place !== undefined) context.stderr.write(`${error.place.frame}\n`);
    throw followed === undefined ? error : buildFailure(context, flags, error);
  } finally {
    removeTreeSync(run.unpacked);
  }
}

interface Asked {
  readonly definition: Definition;
  readonly request: BuildRequest;
  readonly lock: BuildLock | undefined;
}

async function readRequest({ context, folder, flags, unpacked }: Run): Promise<Asked> {
  const lock = flags.lock === undefined && flags.lockUpdate !== true ? undefined : new (await import("./lock.ts")).BuildLock(flags);
  const definition = await read(context, folder, flags, unpacked, lock);
  const request = { ...buildRequest(flags, definition, context.env), ...(await cacheRequest(flags)), attest: await attestOf(flags) };
  return { definition, request, lock };
}

/** True when no image was wanted, only what is told without one: checks, calls, a dry run. */
async function isAnswered({ context, flags, scratch }: Run, { definition, request, lock }: Asked): Promise<boolean> {
  if (flags.check === true || flags.fix === true || flags.call !== "build") {
    const { callFlags, runCall } = await import("./run-call.ts");
    const call = callFlags(flags);
    if (call !== undefined) await runCall(context, call, request, definition);
    if (call !== undefined) return true;
  }
  if (mustPassChecks(request)) {
    const { refuseFindings } = await import("./run-call.ts");
    await refuseFindings(context, request);
  }
  if (flags.dryRun !== true) return false;
  const { runDry } = await import("./run-dry.ts");
  const parts = collaborators(context, await context.store(), scratch, () => undefined);
  await runDry(context, request, { ...parts, pins: lock?.pins(definition.path) }, flags.progress);
  return true;
}

async function buildAndWrite(run: Run, { definition, request, lock }: Asked, store: Store, followed: Followed): Promise<void> {
  const { context, folder, flags, progress } = run;
  const debug = flags.debug === undefined ? {} : { onRunFailed: await openDebug(context, folder, flags, progress) };
  const parts = { ...collaborators(context, store, run.scratch, followed.onEvent), pins: lock?.pins(definition.path), ...debug };
  const result = await build(followed.request, parts);
  const written = await write(run, store, result, followed);
  followed.succeeded(result.id);
  progress.end();
  if (lock !== undefined) context.stderr.write(lock.save());
  await warn(run, request, result);
  if (flags.iidfile !== undefined || flags.metadataFile !== undefined) await (await import("./result-files.ts")).resultFiles(flags, result, written);
  if (result.hasNews) await boundCache(context, store);
  if (flags.quiet === true && written.isPiped !== true) context.stdout.write(`${result.images.length > 1 ? written.target.digest : result.id}\n`);
}

async function write({ context, flags, names, outputs }: Run, store: Store, result: BuildResult, followed: Followed): Promise<WrittenImage> {
  if (outputs === undefined) return await keepImage(store, names, result);
  const work = { context, store, result, names: flags.tag };
  return await followed.during("exporting to outputs", async (vertex) => await outputs({ ...work, onStatus: (status) => vertex.status(status) }));
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

async function attestOf(flags: BuildFlags): Promise<AttestRequest | undefined> {
  if (flags.sbom === undefined && flags.provenance === undefined && flags.attest.length === 0) return undefined;
  return (await import("./attest-flags.ts")).attestRequest(flags);
}

/** Of --cache-from and --cache-to. */
async function cacheRequest(flags: BuildFlags): Promise<CacheRequest> {
  if (flags.cacheFrom.length + flags.cacheTo.length === 0) return {};
  const { readCacheFlags } = await import("./cache-flags.ts");
  return readCacheFlags(flags);
}

async function openDebug(context: Context, folder: string, flags: BuildFlags, view: ProgressView): Promise<NonNullable<Collaborators["onRunFailed"]>> {
  const { debugShell } = await import("./debug-shell.ts");
  return debugShell(context, { shell: flags.debug ?? "", view, isInputTaken: folder === "-" || flags.file === "-" });
}

/** `error=true` of the check options, looked for before they are read. */
function mustPassChecks({ buildArgs, dockerfile }: BuildRequest): boolean {
  return /error/.test(buildArgs.get("BUILDKIT_DOCKERFILE_CHECK") ?? /^\s*#\s*check\s*=(.*)/im.exec(dockerfile.text)?.[1] ?? "");
}

async function warn({ context, flags, progress }: Run, request: BuildRequest, result: BuildResult): Promise<void> {
  if (flags.quiet === true) return;
  const { buildWarnings, warningsText } = await import("./warnings.ts");
  const findings = buildWarnings(request, result);
  if (!progress.warn(findings, request.dockerfile)) context.stderr.write(warningsText(findings));
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

/** Said as docker says it; what is no failure of the build stays what it is. */
function buildFailure(context: Context, { debug }: BuildFlags, error: unknown): unknown {
  const { status, text } = report(error);
  if (debug !== undefined && !(error instanceof BuilderError && error.code === "RUN_FAILED"))
    context.stderr.write("--debug opens a shell where a RUN failed; what failed here runs nothing in the image\n");
  if (status !== EXIT.refused || text === "") return error;
  context.stderr.write(`ERROR: failed to build: ${text}\n`);
  return new ExitError(status);
}
