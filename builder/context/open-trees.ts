/** The folders of a build, opened when a step first copies from them. */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { BuilderError } from "../errors.ts";
import type { BuildRequest, Collaborators } from "../request.ts";
import { sidePath } from "../side-path.ts";
import { DigestIndex } from "./digest-index.ts";
import { FolderTree } from "./folder-tree.ts";
import { compileRules, parseIgnoreFile } from "./ignore.ts";
import { readIfThere } from "./read-if-there.ts";
import type { SourceTree } from "./tree.ts";

interface OpenTree {
  readonly tree: SourceTree;
  readonly digests: DigestIndex;
}

export class ContextTrees {
  readonly #request: BuildRequest;
  readonly #collaborators: Collaborators;
  readonly #scratch: string;
  readonly #open = new Map<string | undefined, Promise<OpenTree>>();

  /** `scratch` is a folder for the time of this build. */
  constructor(request: BuildRequest, collaborators: Collaborators, scratch: string) {
    this.#request = request;
    this.#collaborators = collaborators;
    this.#scratch = scratch;
  }

  /** Undefined names the build's own. @throws {BuilderError} `CONTEXT_INVALID`, and those of remote contexts */
  async open(name: string | undefined, signal: AbortSignal): Promise<SourceTree> {
    let opened = this.#open.get(name);
    if (opened === undefined) {
      opened = this.#tree(name, signal);
      this.#open.set(name, opened);
      opened.catch(() => this.#open.delete(name)); // a second attempt may find it
    }
    return (await opened).tree;
  }

  /** Keeps what was learned about unchanged files. */
  async save(): Promise<void> {
    for (const opened of await Promise.allSettled(this.#open.values())) if (opened.status === "fulfilled") opened.value.digests.save();
  }

  async #tree(name: string | undefined, signal: AbortSignal): Promise<OpenTree> {
    const path = await this.#path(name, signal);
    const rules = compileRules(name === undefined ? this.#request.ignore : parseIgnoreFile(readIfThere(join(path, ".dockerignore")) ?? ""));
    const digests = new DigestIndex(sidePath(this.#collaborators.store.root, "contexts", path));
    return { tree: new FolderTree(path, { treeTool: this.#collaborators.treeTool, rules, digests, modes: this.#request.contextModes }), digests };
  }

  async #path(name: string | undefined, signal: AbortSignal): Promise<string> {
    const source = name === undefined ? undefined : this.#request.contexts.get(name);
    if (source?.kind === "remote") {
      const [{ openContextFolder }, { buildScope }] = await Promise.all([import("../remote/open-context.ts"), import("../remote/build-scope.ts")]);
      const scope = { ...buildScope(this.#request, this.#collaborators, signal), ssh: "own" as const }; // named by the user, not by the Dockerfile
      return realpathSync(await openContextFolder(source.url, scope, { scratch: this.#scratch, keepGitDir: false }));
    }
    const path = name === undefined ? this.#request.context : source?.kind === "folder" ? source.path : undefined;
    if (path === undefined)
      throw new BuilderError("CONTEXT_INVALID", "Cannot copy from the build context: the Dockerfile came alone", { hint: "Give a folder as the context" });
    return realpathSync(path);
  }
}
