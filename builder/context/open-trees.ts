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

export class ContextTrees {
  readonly #request: BuildRequest;
  readonly #collaborators: Collaborators;
  readonly #open = new Map<string | undefined, { readonly tree: SourceTree; readonly digests: DigestIndex }>();

  constructor(request: BuildRequest, collaborators: Collaborators) {
    this.#request = request;
    this.#collaborators = collaborators;
  }

  /** Undefined names the build's own. @throws {BuilderError} `CONTEXT_INVALID` */
  open(name: string | undefined): SourceTree {
    let opened = this.#open.get(name);
    if (opened === undefined) {
      const path = this.#path(name);
      const rules = compileRules(name === undefined ? this.#request.ignore : parseIgnoreFile(readIfThere(join(path, ".dockerignore")) ?? ""));
      const digests = new DigestIndex(sidePath(this.#collaborators.store.root, "contexts", path));
      opened = { tree: new FolderTree(path, { helper: this.#collaborators.helper, rules, digests, modes: this.#request.contextModes }), digests };
      this.#open.set(name, opened);
    }
    return opened.tree;
  }

  /** Keeps what was learned about unchanged files. */
  save(): void {
    for (const { digests } of this.#open.values()) digests.save();
  }

  #path(name: string | undefined): string {
    const source = name === undefined ? undefined : this.#request.contexts.get(name);
    const path = name === undefined ? this.#request.context : source?.kind === "folder" ? source.path : undefined;
    if (path === undefined)
      throw new BuilderError("CONTEXT_INVALID", "Cannot copy from the build context: the Dockerfile came alone", { hint: "Give a folder as the context" });
    return realpathSync(path);
  }
}
