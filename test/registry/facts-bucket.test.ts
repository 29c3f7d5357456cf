/** The rows of facts/ about content once more, over a bucket of a real S3 service. */
import { keepFactsInBucket } from "./facts/in-bucket.ts";

await keepFactsInBucket();
await import("./facts/uploads.test.ts");
await import("./facts/sha512.test.ts");
await import("./facts/pulls.test.ts");
await import("./facts/manifests.test.ts");
