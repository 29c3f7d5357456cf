/** A cluster of this machine: `strata up` on a root of its own, and what its user does with it. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { STRATA } from "../base.ts";
import { timed, type Place } from "../case.ts";
import { BenchError } from "../errors.ts";

const IMAGE = "localhost/strata-bench/pod:latest";

export class BenchCluster {
  readonly #place: Place;
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string>>;
  #up: ChildProcess | undefined;

  constructor(place: Place) {
    this.#place = place;
    this.#folder = join(place.folder, "cluster");
    this.#env = { STRATA_ROOT: join(this.#folder, "root"), STRATA_RUN_ROOT: join(this.#folder, "run") };
  }

  /** Of the control plane. */
  get pid(): number {
    if (this.#up?.pid === undefined) throw new BenchError("Cannot measure the cluster: it is not up");
    return this.#up.pid;
  }

  /** On a fresh root, with an image for pods. Seconds from the command to the word that the node is Ready. */
  async start(): Promise<number> {
    mkdirSync(this.#folder);
    await this.#strata("base", "create", IMAGE, "--bin", "sleep");
    return await timed(async () => await this.#ready());
  }

  /** Seconds from the word of a user to the last of `replicas` pods Ready. */
  async deploy(replicas: number): Promise<number> {
    const manifest = join(this.#folder, "deployment.json");
    writeFileSync(manifest, JSON.stringify(deployment("many", replicas)));
    return await timed(async () => {
      await this.#strata("apply", "-f", manifest);
      await this.#strata("rollout", "status", "deployment/many", "--timeout", "300s");
    });
  }

  /** Ends it with all its pods, and removes what it wrote. */
  async remove(): Promise<void> {
    const up = this.#up;
    if (up === undefined) return;
    const ended = up.exitCode === null && up.signalCode === null ? once(up, "exit") : undefined;
    await this.#strata("down");
    await ended;
    this.#up = undefined;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #ready(): Promise<void> {
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: undefined, ...this.#env };
    const up = spawn(process.execPath, [STRATA, "up", "--listen", "127.0.0.1:0", "--node-name", "bench"], { env, stdio: ["ignore", "pipe", "inherit"] });
    this.#up = up;
    await new Promise<void>((resolve, reject) => {
      createInterface(up.stdout).on("line", (line) => (line === "ready" ? resolve() : undefined));
      up.once("error", reject);
      up.once("exit", (code) => reject(new BenchError(`Cannot measure the cluster: strata up ended with ${code}`)));
    });
  }

  async #strata(...args: readonly string[]): Promise<string> {
    return await this.#place.run([STRATA, ...args], this.#env);
  }
}

function deployment(name: string, replicas: number): object {
  const labels = { app: name };
  const container = { name: "main", image: IMAGE, imagePullPolicy: "Never", command: ["sleep", "1000000"] };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, containers: [container] } },
    },
  };
}
