/** An API server with the controllers that make and remove objects, and no node: pods stay on paper, and go at once when they are deleted. */
import type { Ran } from "./api-server.ts";
import { systemClock } from "../../orchestrator/controllers/clock.ts";
import { runController } from "../../orchestrator/controllers/controller.ts";
import { deploymentController } from "../../orchestrator/controllers/deployment/reconcile.ts";
import { createRecorder } from "../../orchestrator/controllers/events.ts";
import { collectGarbage } from "../../orchestrator/controllers/garbage/reconcile.ts";
import { namespaceController } from "../../orchestrator/controllers/namespace/reconcile.ts";
import type { Collaborators } from "../../orchestrator/controllers/collaborators.ts";
import { replicaSetController, replicationController } from "../../orchestrator/controllers/replica-set/reconcile.ts";
import { testApi, type Answer, type TestApi } from "./api-server.ts";

export class ControlPlane implements AsyncDisposable {
  readonly #server: TestApi;
  readonly #parts: readonly AsyncDisposable[];
  /** What controllers complained about. */
  readonly complaints: string[] = [];

  private constructor(server: TestApi) {
    this.#server = server;
    const { cluster, authority } = server.api;
    const room = (component: string): Collaborators => ({ cluster, clock: systemClock, recorder: createRecorder({ cluster, clock: systemClock, component }) });
    const options = { log: (message: string): void => void this.complaints.push(message) };
    const controllers = [
      namespaceController(room("namespace-controller"), authority),
      deploymentController(room("deployment-controller")),
      replicaSetController(room("replicaset-controller")),
      replicationController(room("replication-controller")),
    ];
    this.#parts = [collectGarbage({ ...room("garbage-collector-controller"), ...options }), ...controllers.map((one) => runController(cluster, one, options))];
  }

  static async start(): Promise<ControlPlane> {
    return new ControlPlane(await testApi());
  }

  async call(method: string, path: string, body?: unknown): Promise<Answer> {
    return await this.#server.call(method, path, { body });
  }

  /** Standard output, trimmed. @throws with what was said when the status is not 0 */
  async kubectl(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args);
    if (code !== 0) throw new Error(`kubectl ${args.join(" ")} ended with ${code}:\n${stderr}${stdout}`);
    return stdout.trim();
  }

  async run(args: readonly string[], input?: string): Promise<Ran> {
    return await this.#server.kubectl(undefined, args, input);
  }

  /** Resolves when all are there. */
  async apply(...objects: readonly object[]): Promise<void> {
    const { code, stderr } = await this.run(["apply", "-f", "-"], objects.map((object) => JSON.stringify(object)).join("\n---\n"));
    if (code !== 0) throw new Error(stderr);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of this.#parts) await part[Symbol.asyncDispose]();
    const { bugs } = this.#server;
    await this.#server[Symbol.asyncDispose]();
    if (bugs.length > 0) throw new AggregateError(bugs, "the server met bugs");
  }
}
