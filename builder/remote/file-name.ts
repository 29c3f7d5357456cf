/** The name of a download, for a destination that is a folder: the URL's path, else what the server says. */
import { posix } from "node:path";
import { BuilderError } from "../errors.ts";
import { redact } from "../redact.ts";

/** The last name in the URL's path; undefined when there is none. */
export function nameInUrl(url: string): string | undefined {
  return safeName(decoded(posix.basename(new URL(url).pathname)));
}

/** The file name of a Content-Disposition header, `filename*` first. Spec: RFC 6266. */
export function nameInDisposition(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const extended = /;\s*filename\*\s*=\s*(?:utf-8|iso-8859-1)'[^']*'([^;\s]+)/i.exec(header)?.[1];
  const quoted = /;\s*filename\s*=\s*"((?:[^"\\]|\\.)*)"/i.exec(header)?.[1]?.replaceAll(/\\(.)/g, "$1");
  const plain = /;\s*filename\s*=\s*([^;"\s]+)/i.exec(header)?.[1];
  const name = extended === undefined ? (quoted ?? plain) : decoded(extended);
  return name === undefined || name.endsWith("/") ? undefined : safeName(posix.basename(name));
}

/** @throws {BuilderError} `DOWNLOAD_FAILED` */
export function noName(url: string): BuilderError {
  return new BuilderError("DOWNLOAD_FAILED", `Cannot tell a file name from ${redact(url)}`, { hint: "End the destination with a file name" });
}

function safeName(name: string): string | undefined {
  return name === "" || name === "." || name === ".." || /[/\0]/.test(name) ? undefined : name;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
