/** Why no answer came, in words that say what can be done about it. */
import { RegistryError } from "../errors.ts";

interface Failure {
  readonly code?: string;
  readonly message?: string;
  readonly cause?: unknown;
  /** Of a connection that was not made: where to, a proxy perhaps. */
  readonly address?: string;
  readonly port?: number;
  /** Of a name that was looked up. */
  readonly hostname?: string;
  /** Of a name with several addresses: what each did. */
  readonly errors?: readonly unknown[];
}

/** What the system says, in words. */
const WORDS: Readonly<Record<string, string>> = {
  ENOTFOUND: "no such host",
  EAI_AGAIN: "its name cannot be looked up now",
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the connection was reset",
  EPIPE: "the connection was reset",
  ETIMEDOUT: "no answer in time",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to its network",
  UND_ERR_CONNECT_TIMEOUT: "no answer in time",
  UND_ERR_HEADERS_TIMEOUT: "no answer in time",
  UND_ERR_BODY_TIMEOUT: "the answer stopped",
};

const NO_TLS = "ERR_SSL_WRONG_VERSION_NUMBER";
/** OpenSSL's for whom nobody vouches that we know. */
const UNKNOWN_AUTHORITY = /^(?:DEPTH_ZERO_)?SELF_SIGNED_CERT|^UNABLE_TO_(?:GET_ISSUER|VERIFY_LEAF)/;
/** Of a server that was spoken to already. */
const AFTER_TLS = /^UND_ERR_(?:SOCKET|HEADERS_TIMEOUT|BODY_TIMEOUT)$|^HPE_/;

export function unreachable(url: string, error: unknown): RegistryError {
  const { host } = new URL(url);
  const failure = failureOf(error);
  const { code = "" } = failure;
  if (code === NO_TLS)
    return new RegistryError("UNREACHABLE", `Cannot reach ${host} by TLS: it speaks plain HTTP`, {
      cause: error,
      hint: "If that is meant, say --insecure, or insecure = true for it in registries.conf",
    });
  return new RegistryError("UNREACHABLE", `Cannot reach ${host}: ${wordsOf(failure, host) ?? String(error)}`, {
    cause: error,
    ...(UNKNOWN_AUTHORITY.test(code) ? { hint: trustHint(host) } : isOfTrust(error) ? { hint: "--insecure takes any certificate" } : {}),
  });
}

/** Whom it is about is part of it, unless that is `host`. */
function wordsOf(failure: Failure, host: string): string | undefined {
  const { code = "", message = "" } = failure;
  const words = WORDS[code];
  if (words === undefined) return message.trim() || code || undefined;
  const places = [failure, ...(failure.errors ?? [])].map((each) => placeOf(each as Failure)).filter((place) => place !== undefined && place !== host);
  const isNamed = failure.hostname !== undefined && new URL(`http://${host}`).hostname === failure.hostname;
  return places.length === 0 || isNamed ? words : `${words} (${places.join(", ")})`;
}

function placeOf({ address, port, hostname }: Failure): string | undefined {
  if (address === undefined) return hostname;
  const host = address.includes(":") ? `[${address}]` : address;
  return port === undefined ? host : `${host}:${port}`;
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
