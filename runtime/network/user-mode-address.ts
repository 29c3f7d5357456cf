/** Where an ordinary user's containers are on their networks, and where what carries for them keeps its files. */
import { join } from "node:path";

/** The addresses that slirp4netns gives, to every container the same: each is alone in its network. */
export const USER_MODE = { address: "10.0.2.100", prefixLength: 24, gateway: "10.0.2.2", resolver: "10.0.2.3" } as const;

export function userModeFolder({ runRoot }: { readonly runRoot: string }, owner: string): string {
  return join(runRoot, "user-net", owner.slice(0, 12)); // a socket's path is short
}

/** What strata-loopback carries to slirp4netns. */
export function userModeLoopback(parts: { readonly runRoot: string }, owner: string): string {
  return join(userModeFolder(parts, owner), "loopback");
}
