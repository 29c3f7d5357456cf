/** A bucket instead of a store under the rows that are imported afterwards. */
import { afterAll, vi } from "vitest";
import { openBucketStorage } from "../../../registry/s3/open.ts";
import { startSwift } from "../../support/swift.ts";
import { keepContentIn } from "../registry.ts";

/** Every new record waits a second there, for services that know no conditional writes. */
const ROW_MS = 120_000;

export async function keepFactsInBucket(): Promise<void> {
  const swift = await startSwift();
  const storage = await openBucketStorage({ location: swift.location(), env: swift.env });
  afterAll(async () => {
    await storage[Symbol.asyncDispose]();
    await swift[Symbol.asyncDispose]();
  });
  keepContentIn(storage);
  vi.setConfig({ testTimeout: ROW_MS, hookTimeout: ROW_MS });
}
