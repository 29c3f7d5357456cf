/** Ends uploads that nobody goes on with, for as long as it is not disposed of. */
import type { Uploads } from "./uploads.ts";

/** Milliseconds: as late as this after its time an upload may still be there. */
const MAX_LATE_MS = 600_000;

export function expireUploads(uploads: Pick<Uploads, "expire">, timeoutMs: number, report: (bug: unknown) => void): Disposable {
  const sweep = (): void => void uploads.expire(Date.now() - timeoutMs).catch(report);
  const timer = setInterval(sweep, Math.min(timeoutMs, MAX_LATE_MS)).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
