/** What stops the comparison before it has a result. */
export class ConformanceError extends Error {
  override readonly name = "ConformanceError";
}
