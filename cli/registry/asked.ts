/** What a registry refuses, and one that cannot be reached, told of the image that was asked for. */
import { RegistryError } from "../../registry/errors.ts";
import { DEFAULT_DOMAIN, familiarName, namesRegistry, parseReference } from "../../store/reference.ts";

/** `name` as the user gave it. @throws what `run` throws, in such words */
export async function asked<T>(verb: "pull" | "push", name: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw error instanceof RegistryError ? told(error, verb, name) : error;
  }
}

function told(error: RegistryError, verb: "pull" | "push", text: string): RegistryError {
  const { code, message, reason, hint } = error;
  const { name } = parseReference(text);
  if (reason !== undefined && (code === "UNAUTHORIZED" || code === "DENIED"))
    return again(error, `Cannot ${verb} ${namesRegistry(text) ? text : name}: ${reason}`, hint);
  if (code !== "UNREACHABLE" || namesRegistry(text)) return error;
  return again(error, message, [withoutRegistry(verb, familiarName(name)), hint].filter((line) => line !== undefined).join("\n"));
}

/** Such a name is mostly one that was meant to be here, or to go elsewhere. */
function withoutRegistry(verb: "pull" | "push", name: string): string {
  return verb === "pull"
    ? `${name} names no registry, so it is asked for at ${DEFAULT_DOMAIN}; 'strata images' lists what is in the store`
    : `${name} names no registry, so it goes to ${DEFAULT_DOMAIN}; HOST/${name} would name one`;
}

function again(error: RegistryError, message: string, hint: string | undefined): RegistryError {
  const { code, detail, passing, reason } = error;
  return new RegistryError(code, message, { cause: error, detail, passing, reason, ...(hint === undefined ? {} : { hint }) });
}
