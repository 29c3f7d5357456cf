/** A folder for the time of one RUN: scripts, secrets, stubs. Named by its owner, so that what a crash left is swept by the next build. */
import { makeFolders } from "../../store/make-folders.ts";
import { removeTreeSync } from "../../store/remove-tree.ts";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { isAbandoned, ownedName } from "../../store/owner.ts";

export class RunFolder implements AsyncDisposable {
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  static open(scratch: string): RunFolder {
    const root = join(scratch, ownedName());
    makeFolders(root, 0o711);
    return new RunFolder(root);
  }

  path(...names: readonly string[]): string {
    return join(this.#root, ...names);
  }

  [Symbol.asyncDispose](): Promise<void> {
    removeTreeSync(this.#root);
    return Promise.resolve();
  }
}

export function sweepScratch(scratch: string): void {
  try {
    for (const name of readdirSync(scratch)) if (isAbandoned(name)) removeTreeSync(join(scratch, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
