/** Where a registry is: its host as users write it, and how it may be spoken to. */
import { isIP } from "node:net";

export interface EndpointOptions {
  /** Plain HTTP and certificates that nobody vouches for are accepted. */
  readonly insecure?: boolean;
}

const DOCKER = "registry-1.docker.io";

/** Base URLs in the order in which they are tried. Credentials are sent only once one has answered as a registry. */
export function candidates(host: string, { insecure = false }: EndpointOptions): readonly string[] {
  const name = networkHost(host);
  if (isLoopback(host)) return [`http://${name}`, `https://${name}`];
  return insecure ? [`https://${name}`, `http://${name}`] : [`https://${name}`];
}

/** The host that really answers for a name. */
export function networkHost(host: string): string {
  return host === "docker.io" || host === "index.docker.io" ? DOCKER : host;
}

/** The name by which users know a host that answers. */
export function namedHost(host: string): string {
  return host === DOCKER ? "docker.io" : host;
}

/** `host` may have a port. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  return name === "localhost" || name.endsWith(".localhost") || name === "::1" || (isIP(name) === 4 && name.startsWith("127."));
}
