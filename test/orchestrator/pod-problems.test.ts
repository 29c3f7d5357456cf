/** What a wait for pods tells of those that do not run. */
import { expect, test } from "vitest";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { podProblems } from "../../orchestrator/client/pod-problems.ts";

const pod = (status: object, metadata: object = {}): KubeObject =>
  ({ apiVersion: "v1", kind: "Pod", metadata: { name: "web-1", ...metadata }, status }) as unknown as KubeObject;
const waiting = (reason: string, message?: string) => ({ containerStatuses: [{ state: { waiting: { reason, message } } }] });

const cases = [
  { name: "a pod that starts is no problem", pods: [pod(waiting("ContainerCreating"))], want: [] },
  { name: "a running one neither", pods: [pod({ containerStatuses: [{ state: { running: {} } }] })], want: [] },
  { name: "an image that cannot be had", pods: [pod(waiting("ErrImagePull", "no such host"))], want: ["pod web-1: ErrImagePull: no such host"] },
  { name: "a reason without more words", pods: [pod(waiting("CreateContainerConfigError"))], want: ["pod web-1: CreateContainerConfigError"] },
  {
    name: "no node",
    pods: [pod({ conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/1 nodes" }] })],
    want: ["pod web-1: Unschedulable: 0/1 nodes"],
  },
  { name: "one that is going is not looked at", pods: [pod(waiting("ErrImagePull"), { deletionTimestamp: "2030-01-01T00:00:00Z" })], want: [] },
];
test.each(cases)("$name", ({ pods, want }) => expect(podProblems(pods)).toEqual(want));
