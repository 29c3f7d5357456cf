/** The thread's side of hash-threads.ts: files that grow are read as far as they are written, and hashed. All of it synchronous: nothing else runs here. */
import { createHash, type Hash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import type { Answer, Order } from "./hash-threads.ts";

/** Stays in the processor's cache between the kernel's copy and the hash. */
const READ_BYTES = 256 << 10;

interface State {
  readonly hash: Hash;
  readonly fd: number;
  at: number;
}

const states = new Map<number, State>();
const buffer = Buffer.allocUnsafeSlow(READ_BYTES);

parentPort?.on("message", (order: Order) => {
  const { id } = order;
  if (order.kind === "drop") return drop(id);
  try {
    const state = states.get(id) ?? open(order);
    read(state, order.size);
    if (order.kind === "digest") reply({ id, digest: state.hash.copy().digest("hex") });
  } catch (error) {
    drop(id); // the order for the digest begins again, and fails with the same
    if (order.kind === "digest") reply({ id, error: error instanceof Error ? error : new Error(String(error)) });
  }
});

function reply(answer: Answer): void {
  parentPort?.postMessage(answer);
}

function open({ id, path, algorithm }: Exclude<Order, { readonly kind: "drop" }>): State {
  const state = { hash: createHash(algorithm), fd: openSync(path, "r"), at: 0 };
  states.set(id, state);
  return state;
}

function read(state: State, size: number): void {
  while (state.at < size) {
    const count = readSync(state.fd, buffer, 0, Math.min(READ_BYTES, size - state.at), state.at);
    if (count === 0) throw new Error(`Cannot hash an upload: it ends at ${state.at} of ${size} bytes`);
    state.hash.update(buffer.subarray(0, count));
    state.at += count;
  }
}

function drop(id: number): void {
  const state = states.get(id);
  states.delete(id);
  if (state !== undefined) closeSync(state.fd);
}
