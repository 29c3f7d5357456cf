/** --lock and --lock-update: where the lock file is, and what is said of it. */
import { dirname, resolve } from "node:path";
import { existsSync } from "node:fs";
import { FilePins, type PinChange } from "../../builder/lock/file-pins.ts";
import { UsageError } from "../errors.ts";
import type { LockFlags } from "./lock-flags.ts";

/** One lock file for a build: opened when its place is known, written when the build is done. */
export class BuildLock {
  readonly #flags: LockFlags;
  #pins: FilePins | undefined;

  constructor(flags: LockFlags) {
    this.#flags = flags;
  }

  /** `dockerfile` is its path, when it is a file of the user's. @throws {UsageError} @throws {BuilderError} `LOCK_BROKEN` */
  pins(dockerfile: string | undefined): FilePins {
    return (this.#pins ??= openPins(this.#flags, dockerfile));
  }

  /** Says what was pinned and what moved. @throws {BuilderError} `LOCK_BROKEN` */
  save(): string {
    if (this.#pins === undefined) return "";
    const text = lockText(this.#pins, this.#flags.lockUpdate === true);
    this.#pins.save();
    return text;
  }
}

function openPins({ lock = "", lockUpdate = false }: LockFlags, dockerfile: string | undefined): FilePins {
  if (lock === "" && dockerfile === undefined)
    throw new UsageError("Cannot place the lock file: the Dockerfile is no file of this machine\nName one by --lock=FILE");
  const file = lock === "" ? `${dockerfile}.lock` : resolve(lock);
  if (!existsSync(dirname(file))) throw new UsageError(`Cannot place the lock file at ${file}: there is no such folder`);
  return FilePins.open(file, { renew: lockUpdate });
}

/** `pinned alpine:3.20 to sha256:…`, `moved …`: a line for each, or that nothing did. */
function lockText(pins: FilePins, renewed: boolean): string {
  const changes = pins.changes();
  if (changes.length === 0) return renewed ? `${pins.file}: nothing moved\n` : "";
  return `${pins.file}:\n${changes.map(line).join("")}`;
}

function line({ name, before, now }: PinChange): string {
  return before === undefined ? ` + ${name} is pinned to ${now}\n` : ` ~ ${name} moved from ${before} to ${now}\n`;
}
