/** Worker thread: hashes the files it was given and answers once. */
import { parentPort, workerData } from "node:worker_threads";
import { hashAll } from "./hash-sync.ts";

parentPort?.postMessage(hashAll(workerData as readonly string[]));
