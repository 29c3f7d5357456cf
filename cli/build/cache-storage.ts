/** Opens places of build caches for the builder, which knows neither registries nor layouts. */
import type { CachePlace, CacheStorage, OpenCacheStorage } from "../../builder/cache/storage.ts";
import { replayable } from "../../registry/client/replayable.ts";
import { isDigest } from "../../store/digest.ts";
import { collectBytes } from "../collect-bytes.ts";
import type { Context } from "../context.ts";
import { findInLayout, layoutContent, nameInLayout } from "../copy/layout.ts";
import { openReference } from "../registry/open-remote.ts";

export function cacheStorage(context: Context): OpenCacheStorage {
  return async (place) => (place.kind === "local" ? openLayout(place) : await openRegistry(context, place));
}

async function openRegistry(context: Context, { reference, insecure }: Extract<CachePlace, { kind: "registry" }>): Promise<CacheStorage> {
  const opened = await openReference(context, reference, { insecure });
  const { repository, target } = opened;
  return {
    top: async () => await repository.read(target),
    fetch: (descriptor) => repository.fetch(descriptor),
    has: async (descriptor) => await repository.has(descriptor),
    push: async (descriptor, open) => await repository.push(descriptor, replayable(open)),
    finish: async (document) => await repository.tag(target, document),
    [Symbol.asyncDispose]: async () => await opened[Symbol.asyncDispose](),
  };
}

function openLayout({ path, name }: Extract<CachePlace, { kind: "local" }>): CacheStorage {
  const content = layoutContent(path);
  return {
    async top() {
      const descriptor = await findInLayout(path, name);
      return { descriptor, bytes: await collectBytes(content.fetch(descriptor), descriptor) };
    },
    fetch: (descriptor) => content.fetch(descriptor),
    has: async (descriptor) => await content.has(descriptor),
    push: async (descriptor, open) => await content.push(descriptor, open(0)),
    async finish({ descriptor, bytes }) {
      await content.push(
        descriptor,
        (async function* () {
          yield bytes;
        })(),
      );
      await nameInLayout(path, isDigest(name) ? undefined : name, descriptor);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
