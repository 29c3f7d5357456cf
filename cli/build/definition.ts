/** Where the Dockerfile, the context and the ignore rules come from: a folder, a file, or stdin as either a Dockerfile or a tar. */
import { readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { parseIgnoreFile } from "../../builder/context/ignore.ts";
import { readIfThere } from "../../builder/context/read-if-there.ts";
import { BuilderError } from "../../builder/errors.ts";
import { remoteKind } from "../../builder/plan/remote-kind.ts";
import { UsageError } from "../errors.ts";
import type { RemoteInput } from "./remote-definition.ts";

export interface Definition {
  readonly dockerfile: { readonly text: string; readonly file: string };
  /** Undefined: there is none. */
  readonly context: string | undefined;
  /** Seconds: when a context from elsewhere was made, as far as that is known. */
  readonly contextTime?: number | undefined;
  readonly ignore: readonly string[];
  /** The Dockerfile, when it is a file of the user's. */
  readonly path?: string;
}

export interface DefinitionInput {
  /** The argument: a folder or `-`. */
  readonly context: string;
  readonly file: string | undefined;
  readonly readStdin: () => Promise<Buffer>;
  /** Makes a folder of a tar. */
  readonly unpack: (tar: Buffer) => Promise<string>;
  /** Asked for when the context or the Dockerfile is elsewhere. */
  readonly remote: () => Promise<RemoteInput>;
}

const DEFAULT_NAMES = ["Dockerfile", "dockerfile"];
const USTAR_AT = 257;
/** How gzip, bzip2, xz and zstd begin. */
const PACKED = /^(?:\x1f\x8b|BZh|\xfd7zXZ\0|\x28\xb5\x2f\xfd)/;

/** @throws {BuilderError} `CONTEXT_INVALID` @throws {UsageError} */
export async function readDefinition(input: DefinitionInput): Promise<Definition> {
  const { context, file } = input;
  if (context === "-" && file === "-") throw new UsageError("Cannot read both Dockerfile and context from stdin");
  if (isRemote(context)) return await remoteDefinition(input);
  if (context !== "-") return await folderDefinition(resolve(context), file, input);
  const bytes = await input.readStdin();
  if (bytes.toString("latin1", USTAR_AT, USTAR_AT + 5) === "ustar" || PACKED.test(bytes.toString("latin1", 0, 6)))
    return await folderDefinition(await input.unpack(bytes), file, input, true);
  if (file !== undefined) throw new BuilderError("CONTEXT_INVALID", `Cannot find ${file}: stdin is a Dockerfile, not a tar`);
  return { dockerfile: { text: bytes.toString("utf8"), file: "Dockerfile" }, context: undefined, ignore: [] };
}

/** What stands here as a folder is no URL, whatever it is called. */
function isRemote(context: string): boolean {
  if (remoteKind(context) === undefined && !context.startsWith("github.com/")) return false;
  return statSync(context, { throwIfNoEntry: false })?.isDirectory() !== true;
}

async function remoteDefinition(input: DefinitionInput): Promise<Definition> {
  const { readRemoteContext } = await import("./remote-definition.ts");
  const found = await readRemoteContext(input.context, await input.remote());
  const { time: contextTime } = found;
  if (found.kind === "folder") return { ...(await folderDefinition(found.path, input.file, input, true)), contextTime };
  if (input.file !== undefined) throw new BuilderError("CONTEXT_INVALID", `Cannot find ${input.file}: ${input.context} is a Dockerfile, not a tar`);
  return { dockerfile: { text: found.text, file: "Dockerfile" }, context: undefined, contextTime, ignore: [] };
}

async function folderDefinition(folder: string, file: string | undefined, input: DefinitionInput, isUnpacked = false): Promise<Definition> {
  const stat = statSync(folder, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true)
    throw new BuilderError("CONTEXT_INVALID", `Cannot use ${folder} as the context: ${stat === undefined ? "it is not there" : "it is no folder"}`);
  const general = (): readonly string[] => parseIgnoreFile(readIfThere(join(folder, ".dockerignore")) ?? "");
  if (file === "-") return { dockerfile: { text: (await input.readStdin()).toString("utf8"), file: "Dockerfile" }, context: folder, ignore: general() };
  if (file !== undefined && remoteKind(file) !== undefined) {
    const { readRemoteDockerfile } = await import("./remote-definition.ts");
    return { dockerfile: await readRemoteDockerfile(file, await input.remote()), context: folder, ignore: general() };
  }
  const path = dockerfilePath(folder, file, isUnpacked);
  const own = readIfThere(`${path}.dockerignore`);
  const inside = relative(folder, path);
  const name = inside.startsWith("..") ? join(basename(dirname(path)), basename(path)) : inside;
  return {
    dockerfile: { text: readFileSync(path, "utf8"), file: name },
    context: folder,
    ignore: own === undefined ? general() : parseIgnoreFile(own),
    ...(isUnpacked ? {} : { path }),
  };
}

/** A given path counts from the working folder, inside an unpacked context from its root. */
function dockerfilePath(folder: string, file: string | undefined, isUnpacked: boolean): string {
  const candidates =
    file === undefined ? DEFAULT_NAMES.map((name) => join(folder, name)) : [isUnpacked ? join(folder, file) : resolve(file), join(folder, file)];
  const found = candidates.find((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
  if (found !== undefined && isUnpacked && !realpathSync(found).startsWith(`${realpathSync(folder)}/`))
    throw new BuilderError("CONTEXT_INVALID", `Cannot use ${file ?? "the Dockerfile"}: it leads out of the context, which came from elsewhere`);
  if (found !== undefined) return found;
  const where = isUnpacked ? "the context" : folder;
  if (file !== undefined) {
    const places = isUnpacked ? " in the context" : isAbsolute(file) ? "" : ` here or in ${folder}`;
    throw new BuilderError("CONTEXT_INVALID", `Cannot find ${file}: there is no such file${places}`);
  }
  throw new BuilderError("CONTEXT_INVALID", `Cannot find a Dockerfile: there is none in ${where}`, { hint: "Name it with -f" });
}
