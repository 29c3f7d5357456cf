/** The first and the last word to a cluster: `deploy` while it still starts, and what `down` waits for. */
import { expect, test, vi } from "vitest";
import { containersByPod } from "../../orchestrator/down.ts";
import type { Container } from "../../runtime/engine.ts";
import { runStrata, serveStrata, strataOutput } from "../support/cli.ts";
import { UP } from "../support/cluster.ts";
import { temporaryRoot } from "../support/root.ts";

vi.setConfig({ testTimeout: 300_000 });

test("deploy waits for a cluster that is just starting", async () => {
  using root = temporaryRoot();
  await strataOutput(root, "base", "create", "local/box", "--bin", "sleep");
  const deployed = runStrata(root, ["deploy", "--no-wait", "local/box"]);
  await using _ = await serveStrata(root, UP, /^ready$/);
  const { status, stdout, stderr } = await deployed;
  expect([status, stderr]).toEqual([0, expect.stringMatching(/^(?:Waiting for the cluster to start\n)?$/)]);
  expect(stdout).toBe("deployment.apps/box created\n");
  await strataOutput(root, "down");
});

test.each([
  ["deploy", "local/box"],
  ["get", "pods"],
])("%s without a cluster says how to start one", async (...args) => {
  using root = temporaryRoot();
  const { status, stdout, stderr } = await runStrata(root, args);
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(/strata: Cannot reach the cluster: there is no \S+\nStart it with 'strata up'\n$/);
});

const container = (id: string, uid: string | undefined, stopTimeout?: number): Container => {
  const labels = uid === undefined ? {} : { "io.kubernetes.pod.uid": uid, "io.kubernetes.container.name": id };
  return { record: { id, options: { labels, ...(stopTimeout !== undefined && { stopTimeout }) } } } as unknown as Container;
};

test.each([
  { name: "containers that are no pod's stay", all: [container("a", undefined)], known: [], want: [] },
  { name: "a pod of which only its folder is left", all: [], known: ["p"], want: [["p", []]] },
  { name: "a short grace is kept", all: [container("a", "p", 1)], known: ["p"], want: [["p", [{ id: "a", patience: 1 }]]] },
  {
    name: "a long one is cut, each pod has its own",
    all: [container("a", "p", 30), container("b", "q"), container("c", "p", 0)],
    known: [],
    want: [
      [
        "p",
        [
          { id: "a", patience: 10 },
          { id: "c", patience: 0 },
        ],
      ],
      ["q", [{ id: "b", patience: 10 }]],
    ],
  },
])("down: $name", ({ all, known, want }) => expect([...containersByPod(all, known)]).toEqual(want));
