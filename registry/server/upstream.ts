/** What the other registry of a mirror answers, in our words: its refusals are not our client's, who has nothing to log in with there. */
import { RegistryError, type RegistryErrorCode } from "../errors.ts";

/** What is not there is not here either; the last two are of this registry's own settings and storage. */
const OWN: ReadonlySet<RegistryErrorCode> = new Set([
  "BLOB_UNKNOWN",
  "MANIFEST_UNKNOWN",
  "NAME_UNKNOWN",
  "CREDENTIALS_UNAVAILABLE",
  "STORAGE_FAILED",
] satisfies RegistryErrorCode[]);

/**
 * What `ask` gives of the other registry.
 * @throws {RegistryError} `MANIFEST_UNKNOWN`, `NAME_UNKNOWN`, `BLOB_UNKNOWN`; `TOOMANYREQUESTS`, with when to come again if it said so; `UNREACHABLE`
 * when it cannot be had
 */
export async function asking<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof RegistryError ? isOwn(error) : !isOfSystem(error)) throw error;
    const message = error instanceof RegistryError ? error.message : `Cannot read the other registry's answer: ${String(error)}`;
    if (!(error instanceof RegistryError && isTooMany(error))) throw new RegistryError("UNREACHABLE", message, { cause: error });
    throw new RegistryError("TOOMANYREQUESTS", message, { cause: error, passing: error.passing });
  }
}

/** A registry that fails does not know what it has. */
function isOwn({ code, passing }: RegistryError): boolean {
  return passing === undefined && OWN.has(code);
}

function isTooMany({ code, passing }: RegistryError): boolean {
  return code === "TOOMANYREQUESTS" || passing?.status === 429;
}

/** Of a connection that broke while a body came, say; what has no code is a bug. */
function isOfSystem(error: unknown): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}
