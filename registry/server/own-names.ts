/**
 * A page on the web can give its own name an address of this machine, and then reads what answers there as its own (DNS rebinding).
 * A registry that lets everybody in because only this machine reaches it would tell such a page everything, so it answers only to names
 * that nobody else can give away: addresses, localhost, this machine's own name, and what it was told.
 */
import { isIP } from "node:net";
import { hostname } from "node:os";
import type { Request } from "../../http/message.ts";
import { isLoopback } from "../client/endpoint.ts";
import { RegistryError } from "../errors.ts";

export type HostCheck = (request: Pick<Request, "headers">) => void;

/** @throws {RegistryError} `DENIED`, from what it returns */
export function answerOnlyTo(names: readonly string[], machine: string = hostname()): HostCheck {
  const own = new Set([machine, machine.split(".")[0] ?? machine, ...names].map((name) => bare(name)));
  let last: string | undefined; // clients ask for much under one name
  return ({ headers: { host } }) => {
    if (host === undefined || host === last) return; // HTTP/1.0: no browser speaks it
    const name = bare(host);
    if (own.has(name) || isLoopback(name) || isIP(name) !== 0) return void (last = host);
    throw new RegistryError(
      "DENIED",
      `Cannot answer for ${JSON.stringify(host)}: everybody on this machine may use this registry, so it answers only to the machine's own names (serve it with --served-name to add one)`,
    );
  };
}

/** Without port, brackets and the dot of a full name. */
function bare(host: string): string {
  const [, bracketed] = /^\[([^\]]*)\](?::\d*)?$/.exec(host) ?? [];
  return (bracketed ?? (isIP(host) === 6 ? host : host.replace(/:\d*$/, ""))).toLowerCase().replace(/\.$/, "");
}
