/**
 * `# syntax=`: which front end reads the file. Docker's own is the one built in here, whatever its version, tag or mirror;
 * another one is a language of its own, and guessing at it would build something else.
 */
import { BuilderError } from "../errors.ts";

const BUILT_IN = new Set(["dockerfile", "dockerfile-upstream"]);

/** @throws {BuilderError} `UNSUPPORTED` */
export function requireBuiltIn(reference: string, source: "syntax" | "BUILDKIT_SYNTAX"): void {
  const [name = ""] = reference.split("@", 1);
  const repository = name.replace(/:[^:/]*$/, "");
  if (BUILT_IN.has(repository.slice(repository.lastIndexOf("/") + 1))) return;
  const hint = source === "syntax" ? { hint: "Read it as a Dockerfile all the same by --build-arg BUILDKIT_SYNTAX=docker/dockerfile:1" } : {};
  throw new BuilderError("UNSUPPORTED", `Cannot use front end ${reference} that ${source} names: only docker/dockerfile is built in`, hint);
}
