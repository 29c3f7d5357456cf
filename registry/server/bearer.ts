/** Admission by tokens of our own service, within the policy. A password in the request itself does too: scripts need no second step. */
import { parseAuthorization } from "../../http/authorization.ts";
import { formatChallenge } from "../../http/challenge.ts";
import type { Peers } from "../../http/peers.ts";
import type { Request } from "../../http/message.ts";
import { RegistryError } from "../errors.ts";
import type { Access, Grant } from "./access.ts";
import { authenticateBasic } from "./htpasswd.ts";
import { permits } from "./policy.ts";
import { covers, readToken, scopeFor } from "./token.ts";
import { SERVICE, TOKEN_PATH, type TokenServiceOptions } from "./token-service.ts";

export interface BearerOptions extends TokenServiceOptions {
  /** URL of the token service where it is not this server as the client sees it. */
  readonly realm?: string;
  /** Whether clients speak TLS, where proxies end it. */
  readonly peers: Peers;
}

export function bearerAccess(options: BearerOptions): Access {
  return {
    async authenticate(request): Promise<Grant> {
      const policy = await options.policy();
      const credentials = parseAuthorization(request.headers.authorization);
      if (credentials?.scheme === "basic") {
        const { user } = await authenticateBasic(options.passwords, request);
        return { user, allows: (permission) => permits(policy, user, permission) };
      }
      if (credentials === undefined)
        return { user: undefined, allows: () => false, couldAllow: () => true, allowsNobody: (permission) => permits(policy, undefined, permission) };
      const claims = readToken(options.secret, credentials.token, "access", options.now());
      if (claims === undefined) throw new RegistryError("UNAUTHORIZED", "Cannot use this token: it has expired or is not from here");
      return {
        user: claims.sub,
        allows: (permission) => covers(claims.access, permission) && permits(policy, claims.sub, permission),
        couldAllow: (permission) => permits(policy, claims.sub, permission),
      };
    },
    challenge(request, permission): string {
      const scope = scopeFor(permission);
      const realm = options.realm ?? `${originOf(request, options.peers)}${TOKEN_PATH}`;
      const error = tokenError(options, request);
      const parameters = { realm, service: SERVICE, ...(scope === undefined ? {} : { scope }), ...(error === undefined ? {} : { error }) };
      return formatChallenge({ scheme: "bearer", parameters });
    },
    async reach(): Promise<void> {
      await options.policy();
      await options.passwords.names();
    },
  };
}

/** What a token lacks that was refused: podman asks for another one only when it is told. Spec: RFC 6750, section 3.1; distribution's own status is 401. */
function tokenError({ secret, now }: BearerOptions, { headers }: Request): string | undefined {
  const credentials = parseAuthorization(headers.authorization);
  if (credentials?.scheme !== "bearer") return undefined;
  return readToken(secret, credentials.token, "access", now()) === undefined ? "invalid_token" : "insufficient_scope";
}

function originOf(request: Request, peers: Peers): string {
  return `${peers.isSecure(request) ? "https" : "http"}://${request.headers.host ?? "localhost"}`;
}
