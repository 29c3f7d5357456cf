/** Where the Dockerfile, the context and the ignore rules come from: a folder, a file, or stdin as either a Dockerfile or a tar. */
import { readFileSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { parseIgnoreFile } from "../../builder/context/ignore.ts";
import { readIfThere } from "../../builder/context/read-if-there.ts";
import { BuilderError } from "../../builder/errors.ts";
import { UsageError } from "../errors.ts";

export interface Definition {
  readonly dockerfile: { readonly text: string; readonly file: string };
  /** Undefined: there is none. */
  readonly context: string | undefined;
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
}

const DEFAULT_NAMES = ["Dockerfile", "dockerfile"];
const USTAR_AT = 257;

/** @throws {BuilderError} `CONTEXT_INVALID` @throws {UsageError} */
export async function readDefinition(input: DefinitionInput): Promise<Definition> {
  const { context, file } = input;
  if (/^(?:https?|git|ssh):\/\/|^git@|^github\.com\//.test(context)) throw new UsageError(`Cannot use ${context} as the context: only a folder or - can be`);
  if (context === "-" && file === "-") throw new UsageError("Cannot read both Dockerfile and context from stdin");
  if (context !== "-") return await folderDefinition(resolve(context), file, input);
  const bytes = await input.readStdin();
  if (bytes.toString("latin1", USTAR_AT, USTAR_AT + 5) === "ustar" || (bytes[0] === 0x1f && bytes[1] === 0x8b))
    return await folderDefinition(await input.unpack(bytes), file, input, true);
  if (file !== undefined) throw new BuilderError("CONTEXT_INVALID", `Cannot find ${file}: stdin is a Dockerfile, not a tar`);
  return { dockerfile: { text: bytes.toString("utf8"), file: "Dockerfile" }, context: undefined, ignore: [] };
}

async function folderDefinition(folder: string, file: string | undefined, { readStdin }: DefinitionInput, isUnpacked = false): Promise<Definition> {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new BuilderError("CONTEXT_INVALID", `Cannot use ${folder} as the context: it is no folder`);
  const general = (): readonly string[] => parseIgnoreFile(readIfThere(join(folder, ".dockerignore")) ?? "");
  if (file === "-") return { dockerfile: { text: (await readStdin()).toString("utf8"), file: "Dockerfile" }, context: folder, ignore: general() };
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
  if (found !== undefined) return found;
  throw new BuilderError("CONTEXT_INVALID", `Cannot find ${file ?? "a Dockerfile"}: there is none in ${folder}`, { hint: "Name it with -f" });
}
