/** Why no answer came, in words that say what can be done about it. */
import { RegistryError } from "../errors.ts";

interface Failure {
  readonly code?: string;
  readonly message?: string;
  readonly cause?: unknown;
}

const NO_TLS = "ERR_SSL_WRONG_VERSION_NUMBER";
/** OpenSSL's for whom nobody vouches that we know. */
const UNKNOWN_AUTHORITY = /^(?:DEPTH_ZERO_)?SELF_SIGNED_CERT|^UNABLE_TO_(?:GET_ISSUER|VERIFY_LEAF)/;
/** Of a server that was spoken to already. */
const AFTER_TLS = /^UND_ERR_(?:SOCKET|HEADERS_TIMEOUT|BODY_TIMEOUT)$|^HPE_/;

export function unreachable(url: string, error: unknown): RegistryError {
  const { host } = new URL(url);
  const { code = "", message } = failureOf(error);
  if (code === NO_TLS)
    return new RegistryError("UNREACHABLE", `Cannot reach ${host} by TLS: it speaks plain HTTP`, {
      cause: error,
      hint: "If that is meant, say --insecure, or insecure = true for it in registries.conf",
    });
  const said = message === undefined || message === "" ? code || String(error) : message;
  return new RegistryError("UNREACHABLE", `Cannot reach ${host}: ${said.trim()}`, {
    cause: error,
    ...(UNKNOWN_AUTHORITY.test(code) ? { hint: trustHint(host) } : isOfTrust(error) ? { hint: "--insecure takes any certificate" } : {}),
  });
}

function trustHint(host: string): string {
  return `Put its authority into /etc/containers/certs.d/${host}/ca.crt or ~/.config/containers/certs.d/${host}/ca.crt, name a folder with --cert-dir, or take any certificate with --insecure`;
}

/** Somebody is there, whom nobody vouches for. */
export function isOfTrust(error: unknown): boolean {
  return /CERT|^UNABLE_TO/.test(failureOf(error).code ?? "");
}

/** TLS was spoken before it failed. */
export function isWithinTls(url: string, error: unknown): boolean {
  return url.startsWith("https:") && (isOfTrust(error) || AFTER_TLS.test(failureOf(error).code ?? ""));
}

/** The innermost that has a code. */
function failureOf(error: unknown): Failure {
  const failure = error as Failure;
  const isOuter = failure.code === undefined || error instanceof RegistryError;
  return isOuter && failure.cause instanceof Error ? failureOf(failure.cause) : failure;
}
