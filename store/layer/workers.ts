/** A few worker threads, started when first needed, kept while idle without keeping the process alive. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { StoreError, type StoreErrorCode } from "../errors.ts";
import type { Applied, ApplyTask } from "./apply.ts";

export interface Workers extends AsyncDisposable {
  run(task: ApplyTask): Promise<Applied>;
}

/** What a worker answers; errors cross as data so that they keep their code. */
export type Answer = { readonly result: Applied } | { readonly error: Failure };

interface Failure {
  readonly code: string | undefined;
  readonly message: string;
  readonly hint: string | undefined;
  /** Of what the machine refused. */
  readonly syscall: string | undefined;
  /** Absent for what a StoreError said. */
  readonly stack: string | undefined;
}

interface Job {
  readonly task: ApplyTask;
  readonly resolve: (result: Applied) => void;
  readonly reject: (error: Error) => void;
}

/** Megabytes: what a task makes is soon garbage, or one buffer. */
const LIMITS = { maxYoungGenerationSizeMb: 2 };

export function openWorkers(limit: number = Math.max(2, availableParallelism())): Workers {
  const queue: Job[] = [];
  const idle: Worker[] = [];
  const busy = new Map<Worker, Job>();

  const next = (): void => {
    if (queue.length === 0 || (idle.length === 0 && busy.size >= limit)) return;
    const job = queue.shift()!;
    const worker = idle.pop() ?? start();
    busy.set(worker, job);
    worker.ref();
    worker.postMessage(job.task);
  };
  const settle = (worker: Worker, answer: (job: Job) => void): void => {
    const job = busy.get(worker);
    busy.delete(worker);
    if (job !== undefined) answer(job);
    next();
  };
  const start = (): Worker => {
    const worker = new Worker(new URL("./layer-worker.js", import.meta.url), { resourceLimits: LIMITS });
    worker.on("message", (answer: Answer) => {
      worker.unref();
      idle.push(worker);
      settle(worker, ({ resolve, reject }) => ("result" in answer ? resolve(answer.result) : reject(revive(answer.error))));
    });
    worker.on("error", (error) => settle(worker, ({ reject }) => reject(error)));
    return worker;
  };
  return {
    run: async (task) =>
      await new Promise((resolve, reject) => {
        queue.push({ task, resolve, reject });
        next();
      }),
    async [Symbol.asyncDispose]() {
      await Promise.all([...idle, ...busy.keys()].map(async (worker) => await worker.terminate()));
    },
  };
}

function revive({ code, message, hint, syscall, stack }: Failure): Error {
  if (code !== undefined && stack === undefined) return new StoreError(code as StoreErrorCode, message, hint === undefined ? {} : { hint });
  const error = Object.assign(new Error(message), { code }, syscall === undefined ? {} : { syscall });
  if (stack !== undefined) error.stack = stack;
  return error;
}
