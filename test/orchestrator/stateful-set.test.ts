/** StatefulSets as their users meet them: strata up, kubectl, real containers. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { strataOutput } from "../support/cli.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { template } from "./waiting-pods.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(async (root) => {
    for (const tag of ["v1", "v2"]) await strataOutput(root, "base", "create", `local/app:${tag}`, "--bin", "sh,cat,sleep,hostname");
  });
});

afterAll(async () => await cluster[Symbol.asyncDispose]());

function statefulSet(name: string, replicas: number, { container = {}, ...spec }: { readonly container?: object } & Record<string, unknown> = {}): object {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name },
    spec: { replicas, serviceName: name, selector: { matchLabels: { app: name } }, template: template(name, container), ...spec },
  };
}

const kubectl = async (...args: readonly string[]): Promise<string> => await cluster.kubectl(...args);
const strata = async (...args: readonly string[]): Promise<string> => await strataOutput(cluster.root, ...args);
const names = async (app: string): Promise<readonly string[]> => (await cluster.pods(`app=${app}`)).map((pod): string => pod.metadata.name).toSorted();
const images = async (app: string): Promise<readonly string[]> =>
  (await cluster.pods(`app=${app}`))
    .toSorted((left, right) => (left.metadata.name < right.metadata.name ? -1 : 1))
    .map((pod) => pod.spec.containers[0].image.replace("local/app:", ""));
const uid = async (pod: string): Promise<string> => await kubectl("get", "pod", pod, "-o", "jsonpath={.metadata.uid}");
/** Returns when each is another one. Not by kubectl's own waiting: it looks for the name, and misses that one of that name came back at once. */
const replace = async (pods: readonly string[], ...flags: readonly string[]): Promise<void> => {
  const lost = await Promise.all(pods.map(uid));
  await kubectl("delete", "pod", ...pods, "--wait=false", ...flags);
  await eventually(async () => {
    const now = await Promise.all(pods.map(uid));
    expect(now.filter((id) => lost.includes(id))).toEqual([]);
  });
};
const done = async (target: string): Promise<string> => await kubectl("rollout", "status", target, "--timeout=120s");
/** Messages of events with this reason, in order. */
const told = async (kind: string, name: string, reason: string): Promise<readonly string[]> => {
  const { items } = await cluster.get("events", "--field-selector", `involvedObject.kind=${kind},involvedObject.name=${name},reason=${reason}`);
  return items.toSorted((left: any, right: any) => (left.metadata.name < right.metadata.name ? -1 : 1)).map((event: any) => event.message);
};

describe("an ordered StatefulSet", { timeout: 300_000 }, () => {
  const readiness = { readinessProbe: { exec: { command: ["cat", "/ready"] }, periodSeconds: 1 } };
  const makeReady = async (pod: string): Promise<string> => await kubectl("exec", pod, "--", "sh", "-c", ": > /ready");

  test("starts a pod only when the one before it is ready", async () => {
    await cluster.apply(statefulSet("web", 3, { container: readiness }));
    for (const ordinal of [0, 1, 2]) {
      await eventually(async () => expect((await cluster.get("pod", `web-${ordinal}`)).status.phase).toBe("Running"));
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(await names("web")).toEqual(Array.from({ length: ordinal + 1 }, (_, index) => `web-${index}`));
      expect(await kubectl("get", "statefulset", "web", "--no-headers")).toMatch(new RegExp(`^web\\s+${ordinal}/3\\s`));
      await makeReady(`web-${ordinal}`);
    }
    expect(await done("statefulset/web")).toContain("partitioned roll out complete: 3 new pods have been updated...");
    expect(await told("StatefulSet", "web", "SuccessfulCreate")).toEqual([0, 1, 2].map((ordinal) => `create Pod web-${ordinal} in StatefulSet web successful`));
  });

  test("gives each pod its name, labels and revision", async () => {
    expect(await kubectl("exec", "web-1", "--", "hostname")).toBe("web-1");
    const pod = await cluster.get("pod", "web-1");
    const set = await cluster.get("statefulset", "web");
    expect(pod.spec).toMatchObject({ hostname: "web-1", subdomain: "web" });
    expect(pod.metadata.labels).toEqual({
      app: "web",
      "apps.kubernetes.io/pod-index": "1",
      "controller-revision-hash": set.status.updateRevision,
      "statefulset.kubernetes.io/pod-name": "web-1",
    });
    expect(set.status).toMatchObject({ replicas: 3, readyReplicas: 3, availableReplicas: 3, currentReplicas: 3, updatedReplicas: 3, collisionCount: 0 });
    expect(set.status.currentRevision).toBe(set.status.updateRevision);
    expect(await kubectl("get", "controllerrevisions", "--no-headers")).toMatch(/^web-\w+\s+statefulset.apps\/web\s+1\s/);
  });

  test("a deleted pod comes back under its name, and the pods above it stay", async () => {
    const [before, above] = [await uid("web-1"), await uid("web-2")];
    await replace(["web-1"]);
    await eventually(async () => await makeReady("web-1"));
    await kubectl("wait", "--for=condition=Ready", "pod/web-1", "--timeout=120s");
    expect(await uid("web-1")).not.toBe(before);
    expect(await uid("web-2")).toBe(above);
  });

  test("a killed process starts again in the same pod", async () => {
    const pod = await cluster.get("pod", "web-0");
    const id = pod.status.containerStatuses[0].containerID.replace("strata://", "");
    process.kill(Number(await strata("inspect", "--format", "{{.State.Pid}}", id)), "SIGKILL");
    await eventually(async () => {
      const after = await cluster.get("pod", "web-0");
      expect(after.metadata.uid).toBe(pod.metadata.uid);
      expect(after.status.containerStatuses[0]).toMatchObject({ restartCount: 1, state: { running: {} } });
    });
    await makeReady("web-0");
    await done("statefulset/web");
  });

  test("stops from the top, one after the other", async () => {
    await kubectl("scale", "statefulset/web", "--replicas=0");
    await eventually(async () => expect(await names("web")).toEqual([]));
    await kubectl("wait", "--for=delete", "pod/web-0", "--timeout=120s");
    expect(await told("StatefulSet", "web", "SuccessfulDelete")).toEqual([2, 1, 0].map((ordinal) => `delete Pod web-${ordinal} in StatefulSet web successful`));
    await kubectl("delete", "statefulset", "web");
  });
});

describe("a StatefulSet's updates", { timeout: 300_000 }, () => {
  const patch = async (spec: object): Promise<string> => await kubectl("patch", "statefulset", "app", "--type=merge", "-p", JSON.stringify({ spec }));
  const revisions = async (): Promise<readonly string[]> =>
    (await kubectl("rollout", "history", "statefulset/app")).split("\n").flatMap((line) => /^(\d+)/.exec(line)?.[1] ?? []);

  test("stop at the partition, and a pod lost below it comes back old", async () => {
    await cluster.apply(statefulSet("app", 3, { updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 2 } } }));
    await eventually(async () => expect(await kubectl("get", "statefulset", "app", "-o", "jsonpath={.status.readyReplicas}")).toBe("3"));
    await kubectl("set", "image", "statefulset/app", "main=local/app:v2");
    expect(await done("statefulset/app")).toContain("partitioned roll out complete: 1 new pods have been updated...");
    expect(await images("app")).toEqual(["v1", "v1", "v2"]);
    await replace(["app-0", "app-2"]);
    await eventually(async () => expect(await images("app")).toEqual(["v1", "v1", "v2"]));
    await eventually(async () => {
      const { status } = await cluster.get("statefulset", "app");
      expect(status).toMatchObject({ readyReplicas: 3, currentReplicas: 2, updatedReplicas: 1 });
      expect(status.currentRevision).not.toBe(status.updateRevision);
    });
  });

  test("go on down to the first pod when the partition is taken away", async () => {
    await patch({ updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0 } } });
    await eventually(async () => expect(await images("app")).toEqual(["v2", "v2", "v2"]));
    await done("statefulset/app");
    await eventually(async () => {
      const { status } = await cluster.get("statefulset", "app");
      expect(status).toMatchObject({ currentReplicas: 3, updatedReplicas: 3, currentRevision: status.updateRevision });
    });
    const deletions = await told("StatefulSet", "app", "SuccessfulDelete");
    expect(deletions.slice(-2).map((line) => line.split(" ")[2])).toEqual(["app-1", "app-0"]);
  });

  test("are undone, by one and to a numbered revision, and restarted", async () => {
    expect(await revisions()).toEqual(["1", "2"]);
    expect(await kubectl("rollout", "undo", "statefulset/app")).toContain("rolled back");
    await done("statefulset/app");
    expect(await images("app")).toEqual(["v1", "v1", "v1"]);
    expect(await revisions()).toEqual(["2", "3"]);
    expect(await kubectl("rollout", "undo", "statefulset/app", "--to-revision=2")).toContain("rolled back");
    await done("statefulset/app");
    expect(await images("app")).toEqual(["v2", "v2", "v2"]);
    expect(await kubectl("rollout", "history", "statefulset/app", "--revision=4")).toContain("local/app:v2");
    const before = await uid("app-0");
    await kubectl("rollout", "restart", "statefulset/app");
    await done("statefulset/app");
    expect(await uid("app-0")).not.toBe(before);
    expect(await revisions()).toEqual(["3", "4", "5"]);
  });

  test("wait for pods to be deleted by hand with OnDelete", async () => {
    await patch({ updateStrategy: { type: "OnDelete", rollingUpdate: null } });
    await kubectl("set", "image", "statefulset/app", "main=local/app:v1");
    await eventually(async () => expect((await cluster.get("statefulset", "app")).status.updatedReplicas).toBeUndefined());
    expect(await images("app")).toEqual(["v2", "v2", "v2"]);
    await replace(["app-1"]);
    await eventually(async () => expect(await images("app")).toEqual(["v2", "v1", "v2"]));
  });

  test("keep as many revisions as revisionHistoryLimit says", async () => {
    await patch({ revisionHistoryLimit: 0, updateStrategy: { type: "RollingUpdate" } });
    await done("statefulset/app");
    await eventually(async () => expect(await revisions()).toHaveLength(1));
  });

  test("survive the set: orphaned pods and revisions are adopted again", async () => {
    const [before, set] = [await uid("app-2"), await cluster.get("statefulset", "app")];
    await kubectl("delete", "statefulset", "app", "--cascade=orphan");
    expect(await names("app")).toEqual(["app-0", "app-1", "app-2"]);
    await cluster.apply(statefulSet("app", 3, { template: set.spec.template }));
    await eventually(async () => {
      const { metadata, status } = await cluster.get("statefulset", "app");
      expect(status).toMatchObject({ readyReplicas: 3, updateRevision: set.status.updateRevision });
      expect((await cluster.get("pod", "app-2")).metadata.ownerReferences).toMatchObject([{ kind: "StatefulSet", uid: metadata.uid, controller: true }]);
    });
    expect(await uid("app-2")).toBe(before);
    await kubectl("delete", "statefulset", "app", "--cascade=foreground", "--timeout=120s");
    expect(await kubectl("get", "pods,controllerrevisions", "-l", "app=app", "-o", "name")).toBe("");
  });
});

describe("a StatefulSet with claims", { timeout: 300_000 }, () => {
  const volumeClaimTemplates = [{ metadata: { name: "data" }, spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Mi" } } } }];
  const container = { volumeMounts: [{ name: "data", mountPath: "/data" }] };
  const claims = async (): Promise<readonly string[]> =>
    (await kubectl("get", "pvc", "-l", "app=store", "-o", "jsonpath={.items[*].metadata.name}")).split(" ").filter((name) => name !== "");
  const owners = async (claim: string): Promise<string> => await kubectl("get", "pvc", claim, "-o", "jsonpath={.metadata.ownerReferences[*].kind}");
  const read = async (pod: string): Promise<string> => await kubectl("exec", pod, "--", "cat", "/data/word");

  test("gives each pod its own, before the pod, and tells of it", async () => {
    await cluster.apply(statefulSet("store", 2, { container, volumeClaimTemplates }));
    await done("statefulset/store");
    expect(await claims()).toEqual(["data-store-0", "data-store-1"]);
    const created = await told("StatefulSet", "store", "SuccessfulCreate"); // events of one second are in no order
    expect(created.toSorted()).toEqual([
      ...[0, 1].map((ordinal) => `create Claim data-store-${ordinal} Pod store-${ordinal} in StatefulSet store success`),
      ...[0, 1].map((ordinal) => `create Pod store-${ordinal} in StatefulSet store successful`),
    ]);
    expect((await cluster.get("pod", "store-1")).spec.volumes).toContainEqual({ name: "data", persistentVolumeClaim: { claimName: "data-store-1" } });
  });

  test("a deleted pod finds its data again, and so does one that was scaled away", async () => {
    for (const pod of ["store-0", "store-1"]) await kubectl("exec", pod, "--", "sh", "-c", `echo ${pod} > /data/word`);
    await replace(["store-0"], "--grace-period=0", "--force");
    await eventually(async () => expect(await read("store-0")).toBe("store-0"));
    await done("statefulset/store");
    await kubectl("scale", "statefulset/store", "--replicas=1");
    await kubectl("wait", "--for=delete", "pod/store-1", "--timeout=120s");
    expect(await claims()).toEqual(["data-store-0", "data-store-1"]);
    await kubectl("scale", "statefulset/store", "--replicas=2");
    await done("statefulset/store");
    expect(await read("store-1")).toBe("store-1");
  });

  test("whenScaled: Delete lets the claim go with the pod, and another begins empty", async () => {
    const policy = { persistentVolumeClaimRetentionPolicy: { whenScaled: "Delete", whenDeleted: "Delete" } };
    await kubectl("patch", "statefulset", "store", "-p", JSON.stringify({ spec: policy }));
    await eventually(async () => expect(await owners("data-store-1")).toBe("StatefulSet"));
    await kubectl("scale", "statefulset/store", "--replicas=1");
    await eventually(async () => expect(await claims()).toEqual(["data-store-0"]));
    await kubectl("scale", "statefulset/store", "--replicas=2");
    await done("statefulset/store");
    await expect(read("store-1")).rejects.toThrow("No such file");
    expect(await read("store-0")).toBe("store-0");
  });

  test("whenDeleted: Delete lets them go with the set", async () => {
    await kubectl("delete", "statefulset", "store");
    await eventually(async () => expect(await claims()).toEqual([]));
    await eventually(async () => expect(await kubectl("get", "pv", "-o", "name")).toBe(""));
  });
});

describe("a Parallel StatefulSet", { timeout: 300_000 }, () => {
  test("starts all pods at once, whatever state they are in, from ordinals.start", async () => {
    await cluster.apply(
      statefulSet("many", 3, {
        podManagementPolicy: "Parallel",
        ordinals: { start: 5 },
        container: { readinessProbe: { exec: { command: ["cat", "/ready"] }, periodSeconds: 1 } },
      }),
    );
    await eventually(async () => expect(await names("many")).toEqual(["many-5", "many-6", "many-7"]));
    expect(await kubectl("get", "statefulset", "many", "--no-headers")).toMatch(/^many\s+0\/3\s/);
  });

  test("is scaled and rolled by strata's own verbs", async () => {
    expect(await strata("scale", "sts/many", "--replicas", "2")).toBe("statefulset.apps/many scaled");
    await eventually(async () => expect(await names("many")).toEqual(["many-5", "many-6"]));
    await kubectl("delete", "statefulset", "many");
    await cluster.apply(statefulSet("own", 2, { podManagementPolicy: "Parallel" }));
    expect(await strata("rollout", "status", "statefulset/own", "--timeout", "120s")).toContain(
      "partitioned roll out complete: 2 new pods have been updated...",
    );
    await kubectl("set", "image", "statefulset/own", "main=local/app:v2");
    expect(await strata("rollout", "status", "statefulset/own", "--timeout", "120s")).toContain(
      "partitioned roll out complete: 2 new pods have been updated...",
    );
    expect(await strata("rollout", "history", "statefulset/own")).toMatch(/^1\s+<none>\n2\s+<none>$/m);
    expect(await strata("rollout", "undo", "statefulset/own")).toBe("statefulset.apps/own rolled back");
    await strata("rollout", "status", "statefulset/own", "--timeout", "120s");
    expect(await images("own")).toEqual(["v1", "v1"]);
    const before = await uid("own-1");
    expect(await strata("rollout", "restart", "statefulset/own")).toBe("statefulset.apps/own restarted");
    await strata("rollout", "status", "statefulset/own", "--timeout", "120s");
    expect(await uid("own-1")).not.toBe(before);
    await kubectl("delete", "statefulset", "own");
  });
});

describe("a change that is refused", { timeout: 300_000 }, () => {
  const forbidden =
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
  test("a StatefulSet's service name does not change", async () => {
    await cluster.apply(statefulSet("fixed", 0));
    const refused = kubectl("patch", "statefulset", "fixed", "--type=merge", "-p", '{"spec":{"serviceName":"other"}}');
    await expect(refused).rejects.toThrow(forbidden);
    expect(await kubectl("get", "statefulset", "fixed", "-o", "jsonpath={.spec.serviceName}")).toBe("fixed");
    await kubectl("delete", "statefulset", "fixed");
  });
});
