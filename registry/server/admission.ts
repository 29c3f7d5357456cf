/** Who is let in to what, and what a 401 says of that: how to authenticate, and for the same that was asked. */
import type { Request } from "../../http/message.ts";
import { RegistryError } from "../errors.ts";
import { admit, type Access, type Grant, type Permission } from "./access.ts";

export interface Admission {
  /** @throws {RegistryError} `UNAUTHORIZED`, `DENIED` */
  readonly admit: (request: Request, permission: Permission) => Promise<Grant>;
  /** Headers of the refusal, where `error` is one that credentials would help against. */
  readonly challengeFor: (error: unknown, request: Request) => Readonly<Record<string, string>>;
}

export function openAdmission(access: Access): Admission {
  const refused = new WeakMap<Error, Permission>();
  return {
    async admit(request, permission): Promise<Grant> {
      try {
        return await admit(access, request, permission);
      } catch (error) {
        if (error instanceof Error) refused.set(error, permission);
        throw error;
      }
    },
    challengeFor(error, request): Readonly<Record<string, string>> {
      if (!(error instanceof RegistryError) || error.code !== "UNAUTHORIZED") return {};
      const challenge = access.challenge(request, refused.get(error) ?? { kind: "registry" });
      return challenge === undefined ? {} : { "www-authenticate": challenge };
    },
  };
}
