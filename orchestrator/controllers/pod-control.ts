/** Makes and deletes pods for their owners, and tells how it went on the owner. */
import type { Draft, KubeObject } from "../cluster.ts";
import { messageOf } from "../errors.ts";
import type { Collaborators } from "./collaborators.ts";
import { keyOf } from "./controller.ts";

/** @throws {ApiError} as `Cluster.create` */
export async function createPod(owner: KubeObject, draft: Draft, { cluster, recorder }: Pick<Collaborators, "cluster" | "recorder">): Promise<void> {
  try {
    const pod = await cluster.create("pods", draft);
    recorder.record(owner, "Normal", "SuccessfulCreate", `Created pod: ${pod.metadata.name}`);
  } catch (error) {
    recorder.record(owner, "Warning", "FailedCreate", `Error creating: ${messageOf(error)}`);
    throw error;
  }
}

/** This very pod, not another of its name. */
export async function deletePod(owner: KubeObject, pod: KubeObject, { cluster, recorder }: Pick<Collaborators, "cluster" | "recorder">): Promise<void> {
  const { name, uid } = pod.metadata;
  try {
    await cluster.delete("pods", keyOf(pod), { preconditions: { uid } });
    recorder.record(owner, "Normal", "SuccessfulDelete", `Deleted pod: ${name}`);
  } catch (error) {
    recorder.record(owner, "Warning", "FailedDelete", `Error deleting: ${messageOf(error)}`);
    throw error;
  }
}
