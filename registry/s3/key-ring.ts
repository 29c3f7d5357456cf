/** The keys in use: of the environment or a file for good, or lent ones that are renewed before they end. */
import { borrowCredentials, type LentCredentials } from "./lent-credentials.ts";
import { noCredentials, readCredentials, type S3Credentials } from "./credentials.ts";

export type KeyRing = () => Promise<S3Credentials>;

export interface KeyRingOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Renewed this long before they end, as clocks differ and requests take time. */
const RENEW_MS = 5 * 60_000;
/** After a renewal that failed, while the keys still hold. */
const AGAIN_MS = 30_000;

/** @throws {RegistryError} `CREDENTIALS_UNAVAILABLE` */
export async function openKeyRing({ env, now }: KeyRingOptions): Promise<KeyRing> {
  const own = await readCredentials(env);
  if (own !== undefined) return async () => await Promise.resolve(own);
  let keys = await borrow(env);
  let renewAt = keys.endsAt - RENEW_MS;
  let renewing: Promise<void> | undefined;
  const renew = async (): Promise<void> => {
    try {
      keys = await borrow(env);
      renewAt = Math.max(keys.endsAt - RENEW_MS, now() + AGAIN_MS); // some are lent for less
    } catch (error) {
      if (now() >= keys.endsAt) throw error;
      renewAt = now() + AGAIN_MS;
    }
  };
  return async () => {
    if (now() >= Math.min(renewAt, keys.endsAt)) await (renewing ??= renew().finally(() => (renewing = undefined)));
    return keys;
  };
}

async function borrow(env: NodeJS.ProcessEnv): Promise<LentCredentials> {
  const lent = await borrowCredentials(env);
  if (lent === undefined) throw noCredentials(env);
  return lent;
}
