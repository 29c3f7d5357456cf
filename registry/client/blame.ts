/** What the store finds wrong with content is said of where the content came from. */
import { CodedError } from "../../store/errors.ts";
import type { Descriptor } from "../../store/oci.ts";
import { RegistryError } from "../errors.ts";

/** `place` is `host/repository`. The error that is thrown stays the one it is, code and all, with more of a message. */
export async function blaming<T>(place: string, { digest }: Pick<Descriptor, "digest">, run: () => T | Promise<T>, verb = "pull"): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Error && !(error instanceof RegistryError) && isExpected(error))
      error.message = `Cannot ${verb} ${digest} from ${place}: ${error.message.replace(/^Cannot /, "cannot ")}`;
    throw error;
  }
}

/** A room's own, or the machine's: a full disk. */
function isExpected(error: Error): boolean {
  return error instanceof CodedError || ("code" in error && "syscall" in error);
}
