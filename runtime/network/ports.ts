/** Which host ports a container gets: free ones, checked against records and against the machine. */
import { readFileSync } from "node:fs";
import { isIPv6 } from "./ip-version.ts";
import { setTimeout as sleep } from "node:timers/promises";
import type { PortMapping } from "../networks.ts";
import { RuntimeError } from "../errors.ts";
import { isOnLoopback } from "./loopback.ts";
import { isAny } from "./ruleset.ts";

/** Whoever had it on [::1] ends by itself a moment after it was given back. */
const GIVEN_BACK_MS = 1000;
const RETRY_MS = 20;

/** Below the kernel's own and the cluster's node ports. */
const APART = { low: 20_000, high: 29_999 };
/** Each binds for a moment, and finds a program there. */
const APART_TRIES = 100;

/** Host port 0 becomes a free one. @throws {RuntimeError} `PORT_IN_USE` */
export async function claimPorts(wanted: readonly PortMapping[], taken: readonly PortMapping[]): Promise<readonly PortMapping[]> {
  const claimed: PortMapping[] = [];
  const known = new Claims(taken);
  for (const port of wanted) {
    const own = await claim(port, known);
    known.add(own);
    claimed.push(own);
  }
  return claimed;
}

/** By number: ranges have thousands. */
class Claims {
  readonly #byNumber = new Map<number, PortMapping[]>();
  /** Where the search for a free one ended. */
  last = 0;

  constructor(ports: readonly PortMapping[]) {
    for (const port of ports) this.add(port);
  }

  add(port: PortMapping): void {
    const others = this.#byNumber.get(port.hostPort);
    if (others === undefined) this.#byNumber.set(port.hostPort, [port]);
    else others.push(port);
  }

  has(port: PortMapping): boolean {
    return this.#byNumber.get(port.hostPort)?.some((other) => collides(port, other)) === true;
  }
}

async function claim(port: PortMapping, taken: Claims): Promise<PortMapping> {
  if (port.hostPort !== 0) {
    if (taken.has(port)) throw allocated(port);
    if (port.hostIP !== "::1") await bind(port);
    await needLoopback(port);
    return port;
  }
  return await choose(port, taken);
}

/** @throws {RuntimeError} `PORT_IN_USE` */
async function choose(port: PortMapping, taken: Claims): Promise<PortMapping> {
  return (await chooseApart(port, taken)) ?? (await chooseAmongAll(port, taken));
}

/**
 * One that the kernel gives to nobody who asks for any, where the machine leaves such: no socket keeps what is published, so a program that was
 * given the same port later would not be reached any more. Undefined when all are published, or programs have too many of them.
 */
async function chooseApart(port: PortMapping, taken: Claims): Promise<PortMapping | undefined> {
  if (portRange()[0] <= APART.high) return undefined;
  const count = APART.high - APART.low + 1;
  const start = Math.floor(Math.random() * count);
  for (let at = 0, tries = 0; at < count && tries < APART_TRIES; at++) {
    const next = { ...port, hostPort: APART.low + ((start + at) % count) };
    if (taken.has(next)) continue;
    if ((await isFree(next)) && (await isFreeOnLoopback(next))) return next;
    tries++;
  }
  return undefined;
}

/** What the kernel chooses, of a quarter of its range; when others have that, the next that is free of all of them. @throws {RuntimeError} `PORT_IN_USE` */
async function chooseAmongAll(port: PortMapping, taken: Claims): Promise<PortMapping> {
  const first = { ...port, hostPort: await bind(port) };
  if (!taken.has(first) && (await isFreeOnLoopback(first))) return first;
  const [low, high] = portRange();
  for (let number = low; number <= high; number++) {
    taken.last = taken.last < low || taken.last >= high ? low : taken.last + 1;
    const next = { ...port, hostPort: taken.last };
    if (!taken.has(next) && (await isFree(next)) && (await isFreeOnLoopback(next))) return next;
  }
  throw new RuntimeError("PORT_IN_USE", `Cannot publish port ${port.containerPort}/${port.protocol}: all ports from ${low} to ${high} are taken`, {
    hint: "Publish fewer ports, or widen net.ipv4.ip_local_port_range",
  });
}

function portRange(): readonly [low: number, high: number] {
  const [low = 32_768, high = 60_999] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "latin1").split(/\s+/).map(Number);
  return [low, high];
}

/** @throws {RuntimeError} `PORT_IN_USE` */
async function needLoopback(port: PortMapping): Promise<void> {
  const end = Date.now() + GIVEN_BACK_MS;
  while (!(await isFreeOnLoopback(port))) {
    if (Date.now() > end) throw inUse({ ...port, hostIP: "::1" }, "EADDRINUSE");
    await sleep(RETRY_MS);
  }
}

async function isFreeOnLoopback(port: PortMapping): Promise<boolean> {
  return !isOnLoopback(port) || (await isFree({ ...port, hostIP: "::1" }));
}

/** @throws {RuntimeError} `PORT_IN_USE` when it is none of this user's ports */
async function isFree(port: PortMapping): Promise<boolean> {
  return await bind(port).then(
    () => true,
    (error: RuntimeError) => {
      if ((error.cause as NodeJS.ErrnoException | undefined)?.code === "EADDRINUSE") return false;
      throw error;
    },
  );
}

export function collides(one: PortMapping, other: PortMapping): boolean {
  return one.hostPort === other.hostPort && one.protocol === other.protocol && (isAny(one) || isAny(other) || one.hostIP === other.hostIP);
}

/** In docker's words, which come from Go; then what to do. */
const WHY: Readonly<Record<string, { readonly says: string; readonly hint: string }>> = {
  EADDRINUSE: { says: "address already in use", hint: "A program of this machine listens there: 'ss -lntup' shows which" },
  EACCES: { says: "permission denied", hint: "Ports below net.ipv4.ip_unprivileged_port_start are root's" },
  EADDRNOTAVAIL: { says: "cannot assign requested address", hint: "That address is none of this machine's" },
};

/** Binds for a moment: resolves with the port. */
async function bind(port: PortMapping): Promise<number> {
  const [{ createServer }, { createSocket }] = [process.getBuiltinModule("node:net"), process.getBuiltinModule("node:dgram")]; // few containers need them
  return await new Promise((resolve, reject) => {
    const host = isAny(port) ? "0.0.0.0" : (port.hostIP ?? "0.0.0.0");
    const refuse = (error: NodeJS.ErrnoException): void => reject(inUse(port, error.code ?? error.message, error));
    if (port.protocol === "udp") {
      const socket = createSocket(isIPv6(host) ? "udp6" : "udp4").on("error", refuse);
      socket.bind(port.hostPort, host, () => {
        const chosen = socket.address().port;
        socket.close(() => resolve(chosen));
      });
      return;
    }
    const server = createServer().on("error", refuse);
    server.listen(port.hostPort, host, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : port.hostPort));
    });
  });
}

function inUse(port: PortMapping, code: string, cause?: unknown): RuntimeError {
  const { says = code, hint } = WHY[code] ?? {};
  const kind = `${port.protocol}${isIPv6(port.hostIP ?? "") ? 6 : 4}`;
  return new RuntimeError("PORT_IN_USE", `listen ${kind} ${placeOf(port)}: bind: ${says}`, { cause, ...(hint !== undefined && { hint }) });
}

function allocated(port: PortMapping): RuntimeError {
  return new RuntimeError("PORT_IN_USE", `Bind for ${placeOf(port)} failed: port is already allocated`, {
    hint: "Another container publishes it: 'strata ps' shows which",
  });
}

function placeOf({ hostIP = "", hostPort }: PortMapping): string {
  return `${isIPv6(hostIP) ? `[${hostIP}]` : hostIP || "0.0.0.0"}:${hostPort}`;
}
