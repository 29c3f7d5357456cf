/** Gives services their cluster address and node ports. The low band of each range is left to those who choose their own. Spec: KEP-3070, KEP-3668. */
import { clone } from "../schema/clone.ts";
import { randomInt } from "node:crypto";
import type { KubeObject } from "../cluster.ts";
import { invalid, invalidObject } from "../schema/field-error.ts";
import { addressProblem } from "../schema/names.ts";
import type { WriteRequest } from "./request.ts";

const MIN_BAND = 16;
const MAX_ADDRESS_BAND = 256;
const MAX_PORT_BAND = 128;

/** Changes `service`. @throws {ApiError} `Invalid` when what it asks for is taken or out of range */
export function allocateService(request: WriteRequest, service: any): void {
  const { spec } = service;
  if (spec === undefined || spec.type === "ExternalName") return;
  const others = request.transaction.list("services").filter(({ metadata }) => metadata.name !== request.name || metadata.namespace !== request.namespace);
  spec.clusterIP = addressFor(request, spec.clusterIP, new Set(others.map((other) => other.spec.clusterIP)));
  spec.clusterIPs = [spec.clusterIP];
  spec.ipFamilies ??= ["IPv4"];
  spec.ipFamilyPolicy ??= "SingleStack";
  if (spec.type === "NodePort" || spec.type === "LoadBalancer") assignNodePorts(request, spec, others);
}

/** An update that leaves the addresses out keeps them. Changes `next`. */
export function keepService(request: WriteRequest, current: KubeObject, next: any): void {
  if (next.spec === undefined) return;
  if (next.spec.type !== "ExternalName") {
    for (const field of ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]) next.spec[field] ??= clone(current.spec[field]);
  }
  for (const port of next.spec.ports ?? [])
    port.nodePort ??= current.spec.ports?.find((old: any) => old.port === port.port && old.protocol === port.protocol)?.nodePort;
  const exposes = next.spec.type === "NodePort" || next.spec.type === "LoadBalancer";
  for (const port of next.spec.ports ?? []) if (!exposes || port.nodePort === undefined) delete port.nodePort;
  allocateService(request, next);
}

/** The same place in the range as before, where it is free; else one that is. For a service whose address the range left behind. */
export function movedAddress(cidr: string, former: string | undefined, address: string, taken: ReadonlySet<string>): string | undefined {
  const { first, size } = range(cidr);
  const offset = former === undefined ? 0 : toNumber(address) - range(former).first;
  if (offset > 0 && offset < size - 1 && !taken.has(toText(first + offset))) return toText(first + offset);
  return freeAddress(cidr, taken);
}

export function isWithin(cidr: string, address: string): boolean {
  const { first, size } = range(cidr);
  return toNumber(address) > first && toNumber(address) < first + size - 1;
}

/** The address at an offset of the range. */
export function addressIn(cidr: string, offset: number): string {
  return toText(range(cidr).first + offset);
}

function freeAddress(cidr: string, taken: ReadonlySet<string>): string | undefined {
  const { first, size } = range(cidr);
  const band = Math.min(Math.max(MIN_BAND, size / 16), MAX_ADDRESS_BAND);
  const offset = pick(band, size - 1, (candidate) => !taken.has(toText(first + candidate)));
  return offset === undefined ? undefined : toText(first + offset);
}

function addressFor({ resource, name, settings }: WriteRequest, asked: string | undefined, taken: ReadonlySet<string>): string {
  if (asked === "None") return asked;
  if (asked !== undefined && asked !== "") {
    const problem = addressProblem(asked);
    if (problem !== undefined) throw invalidObject(resource, name, [invalid("spec.clusterIPs[0]", asked, problem)]);
    if (!isWithin(settings.serviceCidr, asked))
      throw invalidObject(resource, name, [
        invalid("spec.clusterIPs", [asked], `failed to allocate IP ${asked}: the provided IP is not in the valid range ${settings.serviceCidr}`),
      ]);
    if (taken.has(asked))
      throw invalidObject(resource, name, [invalid("spec.clusterIPs", [asked], `failed to allocate IP ${asked}: provided IP is already allocated`)]);
    return asked;
  }
  const free = freeAddress(settings.serviceCidr, taken);
  if (free === undefined)
    throw invalidObject(resource, name, [invalid("spec.clusterIPs", [], `failed to allocate a serviceIP: range ${settings.serviceCidr} is full`)]);
  return free;
}

function assignNodePorts({ resource, name, settings }: WriteRequest, spec: any, others: readonly KubeObject[]): void {
  const [low, high] = settings.nodePorts;
  const taken = new Set<number>(others.flatMap((other) => (other.spec.ports ?? []).map((port: any) => port.nodePort)));
  for (const [index, port] of (spec.ports ?? []).entries()) {
    const field = `spec.ports[${index}].nodePort`;
    if (port.nodePort !== undefined && taken.has(port.nodePort))
      throw invalidObject(resource, name, [invalid(field, port.nodePort, "provided port is already allocated")]);
    if (port.nodePort !== undefined && (port.nodePort < low || port.nodePort > high)) {
      throw invalidObject(resource, name, [
        invalid(field, port.nodePort, `provided port is not in the valid range. The range of valid ports is ${low}-${high}`),
      ]);
    }
    const size = high - low + 1;
    port.nodePort ??= low + (pick(Math.min(Math.max(MIN_BAND, size / 32), MAX_PORT_BAND), size, (offset) => !taken.has(low + offset)) ?? 0);
    taken.add(port.nodePort);
  }
}

/** A free offset in [band, size), at random; below the band when all others are taken. */
function pick(band: number, size: number, isFree: (offset: number) => boolean): number | undefined {
  const start = randomInt(Math.trunc(band), size);
  for (let step = 0; step < size - 1; step++) {
    const offset = 1 + ((start - 1 + step) % (size - 1));
    if (isFree(offset)) return offset;
  }
  return undefined;
}

function range(cidr: string): { readonly first: number; readonly size: number } {
  const [address = "", bits = "32"] = cidr.split("/");
  return { first: toNumber(address), size: 2 ** (32 - Number(bits)) };
}

function toNumber(address: string): number {
  return address.split(".").reduce((value, part) => value * 256 + Number(part), 0);
}

function toText(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}
