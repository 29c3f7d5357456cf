/** An image from its registry into the store, named and unpacked. Every verb that needs an image it may not have uses this. */
import type { Platform } from "../store/oci.ts";
import type { Login } from "../registry/client/auth-files.ts";
import type { OnTransfer } from "../registry/client/repository.ts";
import { RegistryError } from "../registry/errors.ts";
import { DEFAULT_DOMAIN, familiarName, parseReference } from "../store/reference.ts";
import type { Image, Store } from "../store/store.ts";
import type { Context } from "./context.ts";
import { openReference } from "./registry/open-remote.ts";
import { PULL_WORDS, showTransfers } from "./registry/transfer-progress.ts";

export interface PullImageOptions {
  readonly platform?: Platform | undefined;
  /** Ask the registry also when an image of that name is here. @default false */
  readonly refresh?: boolean;
  /** Say what is done, on stderr. @default true */
  readonly progress?: boolean;
  /** Told of every blob on its way. */
  readonly onTransfer?: OnTransfer;
  /** Accept plain HTTP and untrusted certificates. */
  readonly insecure?: boolean;
  /** Instead of what `strata login` has kept. */
  readonly login?: Login;
}

/** @throws {RegistryError} `MANIFEST_UNKNOWN`, `UNREACHABLE`, `UNAUTHORIZED`… */
export async function pullImage(context: Context, text: string, options: PullImageOptions = {}): Promise<Image> {
  try {
    return await pullFrom(context, text, options);
  } catch (error) {
    throw explained(error, text);
  }
}

/** A name without a registry is mostly one that was meant to be here. */
function explained(error: unknown, text: string): unknown {
  if (!(error instanceof RegistryError) || error.code !== "UNREACHABLE" || parseReference(text).domain !== DEFAULT_DOMAIN) return error;
  const hint = `${text} names no registry, so it is asked for at ${DEFAULT_DOMAIN}; 'strata images' lists what is in the store`;
  return new RegistryError("UNREACHABLE", error.message, { cause: error, hint });
}

async function pullFrom(context: Context, text: string, options: PullImageOptions): Promise<Image> {
  const { platform, refresh = false, progress = true, insecure = false, login } = options;
  const store = await context.store();
  const here = await openHere(store, text, platform);
  if (here !== undefined && !refresh) return here;
  using shown = showTransfers(context.stderr, PULL_WORDS, !progress);
  const onTransfer = options.onTransfer ?? shown.onTransfer;
  await using opened = await openReference(context, text, { insecure, ...(login === undefined ? {} : { login }) }, () => ({ onTransfer }));
  const { repository, reference, target } = opened;
  const say = (line: string): void => void (progress && context.stderr.write(`${line}\n`));
  say(`${target}: Pulling from ${reference.path}`);
  const top = await repository.read(target);
  const { pull } = await import("../registry/client/pull.ts");
  await pull(repository, store, top, { platform, onTransfer });
  await store.images.tag(reference.name, top.descriptor);
  const image = await store.images.open(reference.name, platform);
  const { rememberDigest } = await import("./registry/pushed.ts");
  await rememberDigest(store, image.id, `${reference.domain}/${reference.path}@${top.descriptor.digest}`);
  shown[Symbol.dispose]();
  say(`Digest: ${top.descriptor.digest}`);
  say(`Status: ${here?.target.digest === top.descriptor.digest ? "Image is up to date" : "Downloaded newer image"} for ${familiarName(reference.name)}`);
  return image;
}

async function openHere(store: Store, text: string, platform: Platform | undefined): Promise<Image | undefined> {
  if ((await store.images.find(text)) === undefined) return undefined;
  return await store.images.open(text, platform).catch(() => undefined); // of another platform, or not whole: pulled then
}
