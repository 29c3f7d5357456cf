/** The rows of facts.test.ts once more, over a bucket of a real S3 service. */
import { afterAll } from "vitest";
import { openBucketStorage } from "../../registry/s3/open.ts";
import { startSwift } from "../support/swift.ts";
import { keepContentIn } from "./registry.ts";

const swift = await startSwift();
const storage = await openBucketStorage({ location: swift.location(), env: swift.env });
afterAll(async () => {
  await storage[Symbol.asyncDispose]();
  await swift[Symbol.asyncDispose]();
});
keepContentIn(storage);
await import("./facts.test.ts");
