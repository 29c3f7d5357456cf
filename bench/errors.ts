/** A benchmark that cannot go on, with what the failing program said. */
export class BenchError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "BenchError";
  }
}
