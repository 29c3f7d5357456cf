/**
 * Published ports on [::1]. The kernel sends nothing on from there by a rule, as it does from 127.0.0.1, so one small process for each owner of
 * ports listens (strata-loopback) and carries. It ends when its file is gone, which is removed with the endpoint.
 */
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { runCommand } from "../engine/command.ts";
import type { PortMapping } from "../networks.ts";
import type { Endpoint } from "./record.ts";
import { isAny } from "./ruleset.ts";
import { isServerAlive, recordServer } from "./server-record.ts";

export interface LoopbackParts {
  readonly runRoot: string;
  /** Path of strata-loopback. */
  readonly loopback: string;
}

/** Of those that name no address, where the machine has that one; and of those that name it. */
export function isOnLoopback(port: PortMapping): boolean {
  return port.hostIP === "::1" || (isAny(port) && hasLoopback());
}

/** Spec: Documentation/networking/proc_net_if_inet6: address, index, prefix length, scope, flags, device. */
function hasLoopback(): boolean {
  const path = "/proc/net/if_inet6";
  return existsSync(path) && /^0{31}1 /m.test(readFileSync(path, "latin1"));
}

/** Resolves when it listens. @throws {RuntimeError} `PORT_IN_USE` */
export async function serveLoopback(parts: LoopbackParts, { owner, address, ports }: Pick<Endpoint, "owner" | "address" | "ports">): Promise<void> {
  const lines = ports.filter(isOnLoopback).map(({ protocol, hostPort, containerPort }) => `${protocol} ${hostPort} ${address} ${containerPort}\n`);
  if (lines.length === 0) return;
  await carryLoopback(parts.loopback, loopbackFile(parts, owner), lines.join(""));
}

/** Idempotent. */
export async function forgetLoopback(parts: LoopbackParts, owner: string): Promise<void> {
  const file = loopbackFile(parts, owner);
  await Promise.all([rm(file, { force: true }), rm(serverOf(file), { force: true })]);
}

/** Whether what carries as `file` says was killed. */
export function isLoopbackLost(file: string): boolean {
  return existsSync(file) && !isServerAlive(serverOf(file));
}

/** As it was published. @throws as `serveLoopback` */
export async function reviveLoopback(program: string, file: string): Promise<void> {
  if (isLoopbackLost(file)) await start(program, file);
}

/** `file` is its life. */
export async function carryLoopback(program: string, file: string, lines: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const aside = `${file}.${process.pid}`;
  await writeFile(aside, lines);
  await rename(aside, file);
  await start(program, file);
}

async function start(program: string, file: string): Promise<void> {
  const pid = await runCommand(program, [file], { what: "publish ports on [::1]", code: "PORT_IN_USE" });
  await recordServer(serverOf(file), Number(pid));
}

/** Who carries. */
function serverOf(file: string): string {
  return `${file}.server`;
}

export function loopbackFile({ runRoot }: Pick<LoopbackParts, "runRoot">, owner: string): string {
  return join(runRoot, "loopback", owner);
}
