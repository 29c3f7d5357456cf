/** An image's repository with its mirrors before it: each question goes to the first that can answer, and a blob that breaks off goes on elsewhere. */
import type { Descriptor } from "../../store/oci.ts";
import type { Filled } from "../../store/content.ts";
import { RegistryError, type RegistryErrorCode } from "../errors.ts";
import { isReplayable, replayable, type Begun } from "./replayable.ts";
import type { RemoteRepository } from "./remote-repository.ts";

export type SourceRepository = Pick<RemoteRepository, "place" | "read" | "fetch" | "referrers">;

/** Opened when it is first asked, once: one that cannot be reached is not tried for every blob. */
export interface Candidate {
  readonly place: string;
  open(): Promise<SourceRepository>;
}

/** Another host will not change these. */
const FINAL: ReadonlySet<RegistryErrorCode> = new Set(["SIZE_INVALID", "REFERENCE_INVALID", "CREDENTIALS_UNAVAILABLE"]);

/** In the order in which they are asked; the last is the registry itself. */
export function mirrored(candidates: readonly Candidate[]): SourceRepository {
  const place = candidates.at(-1)?.place ?? "";
  const first = async <T>(ask: (repository: SourceRepository) => Promise<T>): Promise<T> => {
    const failures: RegistryError[] = [];
    for (const candidate of candidates) {
      try {
        return await ask(await candidate.open());
      } catch (error) {
        failures.push(passing(error));
      }
    }
    throw summed(failures);
  };
  return {
    place,
    read: async (reference) => await first(async (repository) => await repository.read(reference)),
    referrers: async (subject) => await first(async (repository) => await repository.referrers(subject)),
    fetch: (descriptor, options) =>
      replayable(
        (offset, isLent) => through(candidates, descriptor, { offset, isLent }, options),
        async (file) => await fill(candidates, descriptor, file, options),
      ),
  };
}

async function* through(
  candidates: readonly Candidate[],
  descriptor: Descriptor,
  { offset, isLent }: { readonly offset: number; readonly isLent: boolean },
  options: { readonly signal?: AbortSignal } | undefined,
): AsyncGenerator<Uint8Array> {
  const failures: RegistryError[] = [];
  let at = offset;
  for (const candidate of candidates) {
    try {
      const content = (await candidate.open()).fetch(descriptor, options);
      for await (const chunk of isReplayable(content) ? (isLent ? content.lend(at) : content.from(at)) : content) {
        at += chunk.length;
        yield chunk;
      }
      return;
    } catch (error) {
      options?.signal?.throwIfAborted();
      failures.push(passing(error));
    }
  }
  throw summed(failures);
}

/** As `through`; what one brought of it the next goes on with. */
async function fill(
  candidates: readonly Candidate[],
  descriptor: Descriptor,
  file: number,
  options: { readonly signal?: AbortSignal } | undefined,
): Promise<Filled | undefined> {
  const failures: RegistryError[] = [];
  const begun: Begun = { at: 0 };
  for (const candidate of candidates) {
    try {
      const content = (await candidate.open()).fetch(descriptor, options);
      return isReplayable(content) ? await content.fill?.(file, begun) : undefined;
    } catch (error) {
      options?.signal?.throwIfAborted();
      failures.push(passing(error));
    }
  }
  throw summed(failures);
}

/** @throws what is not passing */
function passing(error: unknown): RegistryError {
  if (error instanceof RegistryError && !FINAL.has(error.code)) return error;
  throw error;
}

/** The registry's own answer counts; what the mirrors said is told beside it. */
function summed(failures: readonly RegistryError[]): RegistryError {
  const last = failures.at(-1) ?? new RegistryError("UNREACHABLE", "Cannot pull: no registry is configured for it");
  if (failures.length < 2) return last;
  const before = failures.slice(0, -1).map(({ message }) => `A mirror was asked before: ${message}`);
  return new RegistryError(last.code, last.message, {
    cause: last,
    reason: last.reason,
    hint: [last.hint, ...before].filter((line) => line !== undefined).join("\n"),
  });
}
