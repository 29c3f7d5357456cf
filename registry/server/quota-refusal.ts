/** What is told when a quota has no room: what is held, and how much of it is of no image. */
import type { Digest } from "../../store/digest.ts";
import { decimalSize } from "../../store/decimal-size.ts";
import { RegistryError } from "../errors.ts";
import { neededIn, type ManifestSource } from "./needed.ts";
import type { Repositories } from "./repositories.ts";

export interface Excess {
  readonly name: string;
  /** Bytes, all of them. */
  readonly size: number;
  readonly held: number;
  readonly limit: number;
  /** Of other uploads. */
  readonly coming: number;
}

/** There is no room; what to say of that takes longer than others should wait. */
export class Beyond extends Error {
  readonly excess: Excess;

  constructor(excess: Excess) {
    super(`Cannot store ${excess.size} bytes in ${excess.name}`);
    this.excess = excess;
  }
}

export interface RefusalOptions {
  readonly repositories: Pick<Repositories, "blobs" | "manifests" | "manifest">;
  /** Read to tell what is of no image. */
  readonly manifests: ManifestSource;
}

/** Manifests of a repository that are read to tell of it. */
const MAX_READ = 256;

/** What `act` gives. @throws {RegistryError} `DENIED` for its `Beyond` */
export async function explaining<Result>(options: RefusalOptions, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    throw error instanceof Beyond ? refusal(error.excess, await bytesOfNoImage(options, error.excess.name)) : error;
  }
}

/** Bytes that a repository holds. */
export async function heldBy(repositories: Pick<Repositories, "blobs" | "manifests">, name: string): Promise<number> {
  return sum([...(await repositories.blobs(name)), ...(await repositories.manifests(name))]);
}

function refusal({ name, size, held, limit, coming }: Excess, loose: number): RegistryError {
  const most = `Cannot store ${decimalSize(size)} in ${name}: it holds ${decimalSize(held)} of the ${decimalSize(limit)} that it may`;
  const more = coming === 0 ? "" : `, and uploads of ${decimalSize(coming)} are under way`;
  const rest = loose === 0 ? "" : `, ${decimalSize(loose)} of it of no image yet or any more, which strata registry gc lets go of after an hour`;
  const detail = { name, held, limit, size, ...(coming === 0 ? {} : { coming }), ...(loose === 0 ? {} : { loose }) };
  return new RegistryError("DENIED", most + rest + more, { detail });
}

/** What no manifest names counts on until a collection. 0 where that would take long to tell, or cannot be told. */
async function bytesOfNoImage({ repositories, manifests: source }: RefusalOptions, name: string): Promise<number> {
  const manifests = new Map(await repositories.manifests(name));
  if (manifests.size > MAX_READ) return 0;
  try {
    const needed = await neededIn(repositories, source, name, { manifests });
    return sum((await repositories.blobs(name)).filter(([digest]) => !needed.has(digest)));
  } catch {
    return 0; // one that is damaged changes nothing of the refusal
  }
}

function sum(links: readonly (readonly [Digest, { readonly size: number }])[]): number {
  return links.reduce((bytes, [, { size }]) => bytes + size, 0);
}
