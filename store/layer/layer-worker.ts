/** The thread's side of workers.ts: one task at a time, all of it synchronous. */
import { parentPort } from "node:worker_threads";
import { StoreError } from "../errors.ts";
import { applyLayer, type ApplyTask } from "./apply.ts";
import type { Answer } from "./workers.ts";

parentPort?.on("message", (task: ApplyTask) => {
  parentPort?.postMessage(answer(task));
});

function answer(task: ApplyTask): Answer {
  try {
    return { result: applyLayer(task) };
  } catch (error) {
    if (error instanceof StoreError) return { error: { code: error.code, message: error.message, hint: error.hint, syscall: undefined, stack: undefined } };
    const { code, message, syscall, stack } = error as NodeJS.ErrnoException;
    return { error: { code, message, hint: undefined, syscall, stack } };
  }
}
