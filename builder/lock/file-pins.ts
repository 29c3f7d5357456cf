/** Pins kept in a lock file: read at the start of a build, held to while it runs, written when it is done. */
import * as fs from "node:fs";
import { readIfThere } from "../context/read-if-there.ts";
import { BuilderError } from "../errors.ts";
import { redact } from "../redact.ts";
import type { PinKind, Pins } from "./pins.ts";
import { formatLock, KINDS, parseLock, type Pinned } from "./lock-file.ts";

export interface PinChange {
  readonly kind: PinKind;
  readonly name: string;
  /** Undefined: it was not pinned before. */
  readonly before: string | undefined;
  readonly now: string;
}

export class FilePins implements Pins {
  readonly file: string;
  readonly #renews: boolean;
  readonly #pinned: Pinned;
  readonly #seen: Readonly<Record<PinKind, Map<string, string>>> = { images: new Map(), urls: new Map(), git: new Map() };

  private constructor(file: string, pinned: Pinned, renews: boolean) {
    this.file = file;
    this.#pinned = pinned;
    this.#renews = renews;
  }

  /** `renew` forgets what is pinned once it is asked for. A damaged file is refused, unless all of it is renewed. @throws {BuilderError} `LOCK_BROKEN` */
  static open(file: string, { renew }: { readonly renew: boolean }): FilePins {
    const none: Pinned = { images: new Map(), urls: new Map(), git: new Map() };
    const text = readIfThere(file);
    return new FilePins(file, text === undefined ? none : parseLock(text, file), renew);
  }

  find(kind: PinKind, name: string): string | undefined {
    const shown = shownName(kind, name);
    return this.#seen[kind].get(shown) ?? (this.#renews ? undefined : this.#pinned[kind].get(shown));
  }

  record(kind: PinKind, written: string, value: string): void {
    const name = shownName(kind, written);
    const known = this.#seen[kind].get(name);
    if (known !== undefined && known !== value)
      throw new BuilderError("LOCK_BROKEN", `Cannot pin ${name} in ${this.file}: it was ${known} and then ${value} in one build`, { hint: "Build again" });
    this.#seen[kind].set(name, value);
  }

  /** In the order of the file. */
  changes(): readonly PinChange[] {
    return KINDS.flatMap((kind) =>
      [...this.#seen[kind]].flatMap(([name, now]) => {
        const before = this.#pinned[kind].get(name);
        return before === now ? [] : [{ kind, name, before, now }];
      }),
    ).sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || (a.name < b.name ? -1 : 1));
  }

  /** What was not asked for stays as it was: a build with --target sees only a part. Whole or not at all. */
  save(): void {
    if (this.changes().length === 0 && fs.existsSync(this.file)) return;
    const merged = Object.fromEntries(KINDS.map((kind) => [kind, new Map([...this.#pinned[kind], ...this.#seen[kind]])])) as Record<
      PinKind,
      Map<string, string>
    >;
    const fresh = `${this.file}.${process.pid}.part`;
    try {
      fs.writeFileSync(fresh, formatLock(merged));
      fs.renameSync(fresh, this.file);
    } catch (error) {
      fs.rmSync(fresh, { force: true });
      throw new BuilderError("LOCK_BROKEN", `Cannot write lock file ${this.file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
}

/** Lock files are committed: what opens a URL stays out of them. References and git remotes come without. */
function shownName(kind: PinKind, name: string): string {
  return kind === "urls" ? redact(name) : name;
}
