/** Names with neither tag nor digest: what docker says of them, and those that mean every tag. */
import { parseReference, type Reference } from "../../store/reference.ts";
import { ExitError, EXIT } from "../errors.ts";

export function tellDefaultTag(stream: NodeJS.WriteStream, name: string): void {
  const reference = parseReference(name);
  if (isBare(name, reference)) stream.write(`Using default tag: ${reference.tag}\n`);
}

/** The repository that `--all-tags` is about. @throws {ExitError} when it says a tag or digest */
export function wholeRepository(name: string): Reference {
  const reference = parseReference(name);
  if (!isBare(name, reference)) throw new ExitError(EXIT.refused, "tag can't be used with --all-tags/-a");
  return reference;
}

/** Says neither tag nor digest. */
export function isBare(name: string, { tag, digest }: Reference): boolean {
  return digest === undefined && tag !== undefined && !name.endsWith(`:${tag}`);
}
