/** One build from flags to outputs: reads the definition, builds, names, writes what was asked for. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "../../builder/build.ts";
import { BuilderError } from "../../builder/errors.ts";
import type { BuildRequest, BuildResult, Collaborators } from "../../builder/request.ts";
import type { Descriptor } from "../../store/oci.ts";
import { ownedName } from "../../store/owner.ts";
import { parseReference } from "../../store/reference.ts";
import type { Store } from "../../store/store.ts";
import type { Context } from "../context.ts";
import { readDefinition, type Definition } from "./definition.ts";
import type { CacheRequest } from "./cache-flags.ts";
import type { BuildFlags } from "./flags.ts";
import type { OutputWork, WrittenImage } from "./write-output.ts";
import { openProgress, type ProgressView } from "./progress.ts";
import { buildRequest } from "./request.ts";

export async function runBuild(context: Context, folder: string, flags: BuildFlags): Promise<void> {
  const names = flags.tag.map((name) => parseReference(name).name);
  const outputs = await outputsOf(flags);
  const progress = openProgress({ kind: flags.quiet === true ? "quiet" : flags.progress, explain: flags.explain === true, stream: context.stderr });
  const scratch = join(context.runRoot, "build");
  const unpacked = join(scratch, ownedName());
  try {
    const definition = await read(context, folder, flags, unpacked);
    const request = { ...buildRequest(flags, definition, context.env), ...(await cacheRequest(flags)) };
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
    const result = await build(request, collaborators(context, store, scratch, progress));
    progress.end();
    await warn(context, flags, request, result);
    const written = outputs === undefined ? await keep(store, names, result) : await outputs({ context, store, result, names: flags.tag });
    if (flags.iidfile !== undefined || flags.metadataFile !== undefined) await writeResultFiles(flags, result, written);
    if (flags.quiet === true && written.isPiped !== true) context.stdout.write(`${result.images.length > 1 ? written.target.digest : result.id}\n`);
  } catch (error) {
    progress.end();
    if (error instanceof BuilderError && error.place !== undefined) context.stderr.write(`${error.place.frame}\n`);
    throw error;
  } finally {
    rmSync(unpacked, { recursive: true, force: true });
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

/** A name that points there already is left alone: a write has to reach the disk. */
async function tag(store: Store, name: string, target: Descriptor): Promise<void> {
  if ((await store.images.find(name))?.target.digest !== target.digest) await store.images.tag(name, target);
}

async function read(context: Context, folder: string, flags: BuildFlags, unpacked: string): Promise<Definition> {
  return await readDefinition({
    context: folder,
    file: flags.file,
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

/** Of --cache-from and --cache-to. */
async function cacheRequest(flags: BuildFlags): Promise<CacheRequest> {
  if (flags.cacheFrom.length + flags.cacheTo.length === 0) return {};
  const { readCacheFlags } = await import("./cache-flags.ts");
  return readCacheFlags(flags);
}

function collaborators(context: Context, store: Store, scratch: string, progress: ProgressView): Collaborators {
  return {
    store,
    helper: context.helper,
    scratch,
    signal: context.signal,
    onEvent: (event) => progress.show(event),
    async executor() {
      const [{ buildExecutor }, processes] = await Promise.all([import("../build-executor.ts"), context.processes()]);
      return buildExecutor(processes);
    },
    async cacheStorage(place) {
      const { cacheStorage } = await import("./cache-storage.ts");
      return await cacheStorage(context)(place);
    },
    puller: {
      async pull(reference, { platform, refresh }) {
        const { pullImage } = await import("../pull-image.ts");
        return (await pullImage(context, reference, { platform, refresh, progress: false })).target;
      },
    },
  };
}

/** `error=true` of the check options, looked for before they are read. */
function mustPassChecks({ buildArgs, dockerfile }: BuildRequest): boolean {
  return /error/.test(buildArgs.get("BUILDKIT_DOCKERFILE_CHECK") ?? /^\s*#\s*check\s*=(.*)/im.exec(dockerfile.text)?.[1] ?? "");
}

async function warn(context: Context, flags: BuildFlags, request: BuildRequest, result: BuildResult): Promise<void> {
  if (flags.quiet === true) return;
  const { warningsText } = await import("./warnings.ts");
  context.stderr.write(warningsText(request, result));
}

async function writeResultFiles(flags: BuildFlags, result: BuildResult, written: WrittenImage): Promise<void> {
  const { resultFiles } = await import("./result-files.ts");
  resultFiles(flags, result, written);
}
