/** The rows of facts/ about records once more, over a bucket of a real S3 service. */
import { keepFactsInBucket } from "./facts/in-bucket.ts";

await keepFactsInBucket();
await import("./facts/referrers.test.ts");
await import("./facts/lists.test.ts");
await import("./facts/deletes.test.ts");
await import("./facts/errors.test.ts");
