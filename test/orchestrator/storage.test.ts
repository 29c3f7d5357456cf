/** Claims and volumes as their users meet them: kubectl, a real control plane, real folders. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runStrata, strataOutput } from "../support/cli.ts";
import { eventually as soon, TestCluster } from "../support/cluster.ts";
import { claim, here, LOCAL, STAY, user, volumeAt } from "./storage-manifests.ts";

let cluster: TestCluster;
/** Folders of static volumes. */
let place: string;

beforeAll(async () => {
  cluster = await TestCluster.start(async (root) => {
    await strataOutput(root, "base", "create", "local/box:v1", "--bin", "sh,cat,echo,sleep,id,ls,stat,ln,mkdir,mv,touch");
    const context = join(root.root, "..", "context");
    mkdirSync(context);
    writeFileSync(join(context, "Dockerfile"), "FROM local/box:v1\nCOPY Dockerfile /data/of-the-image\n");
    await strataOutput(root, "build", "-t", "local/seeded:v1", context);
  });
  place = join(cluster.root.root, "..", "disks");
  mkdirSync(place);
});

/** Others may be busy on this machine. */
const eventually = async (check: () => Promise<void>): Promise<void> => await soon(check, 120_000);
afterAll(async () => await cluster[Symbol.asyncDispose]());

const kubectl = async (...args: readonly string[]): Promise<string> => await cluster.kubectl(...args);
const volumes = (): string => join(cluster.root.root, "cluster/volumes");
/** Shows the exit of kubectl's refusal. */
const refusal = async (...manifests: readonly object[]): Promise<string> => await cluster.apply(...manifests).then(String, (error: Error) => error.message);

const volume = (name: string, spec: object = {}): object => volumeAt(place, name, spec);
const phaseOf = async (pod: string): Promise<string> => (await cluster.get("pod", pod)).status.phase;
const ended = async (pod: string): Promise<void> => await eventually(async () => expect(await phaseOf(pod)).toMatch("Succeeded"));
const phase = async (kind: string, name: string): Promise<string> => (await cluster.get(kind, name)).status.phase;
const told = async (kind: string, name: string): Promise<string> => await kubectl("describe", kind, name);

describe("the class that a cluster starts with", { timeout: 300_000 }, () => {
  test("is the default, waits for the first consumer, and can be expanded", async () => {
    expect(await kubectl("get", "sc")).toMatch(/^NAME\s+PROVISIONER\s+RECLAIMPOLICY\s+VOLUMEBINDINGMODE\s+ALLOWVOLUMEEXPANSION\s+AGE/);
    expect(await kubectl("get", "sc", "--no-headers")).toMatch(/^local-path \(default\)\s+strata.io\/local-path\s+Delete\s+WaitForFirstConsumer\s+true/);
  });
});

describe("a claim of the default class", { timeout: 300_000 }, () => {
  test("waits for a pod, then gets a folder of this node", async () => {
    await cluster.apply(claim("own"));
    await eventually(async () => expect(await told("pvc", "own")).toMatch(/WaitForFirstConsumer .*waiting for first consumer to be created before binding/));
    expect(await kubectl("get", "pvc", "own", "--no-headers")).toMatch(/^own\s+Pending\s+local-path\s/);
    await cluster.apply(user("writer", "own", `echo kept > /data/word; ${STAY}`));
    await kubectl("wait", "--for=condition=Ready", "pod/writer", "--timeout=120s");
    const { metadata, spec, status } = await cluster.get("pvc", "own");
    expect(spec.volumeName).toBe(`pvc-${metadata.uid}`);
    expect(status).toMatchObject({ phase: "Bound", accessModes: ["ReadWriteOnce"], capacity: { storage: "1Mi" } });
    expect(await kubectl("get", "pvc", "own", "--no-headers")).toMatch(/^own\s+Bound\s+pvc-\S+\s+1Mi\s+RWO\s+local-path\s/);
    expect(await kubectl("get", "pv", spec.volumeName, "--no-headers")).toMatch(/^pvc-\S+\s+1Mi\s+RWO\s+Delete\s+Bound\s+default\/own\s+local-path\s/);
    await eventually(async () => {
      const story = await told("pvc", "own");
      expect(story).toMatch(/Used By:\s+writer/);
      for (const reason of ["ExternalProvisioning", "Provisioning", "ProvisioningSucceeded"]) expect(story).toContain(reason);
    });
    await expect.poll(() => readFileSync(join(volumes(), spec.volumeName, "word"), "utf8")).toBe("kept\n");
  });
});

describe("data", { timeout: 300_000 }, () => {
  test("outlives the pod, a killed control plane and its restart; the pod goes on meanwhile", async () => {
    const before = await cluster.get("pod", "writer");
    await cluster.restart("SIGKILL");
    await kubectl("wait", "--for=condition=Ready", "pod/writer", "--timeout=120s");
    expect((await cluster.get("pod", "writer")).status.containerStatuses[0].containerID).toBe(before.status.containerStatuses[0].containerID);
    await kubectl("delete", "pod", "writer");
    await cluster.apply(user("reader", "own", "cat /data/word"));
    await ended("reader");
    expect(await kubectl("logs", "reader")).toBe("kept");
  });

  test("is kept while a pod uses the claim, and goes with a claim whose policy is Delete, links unfollowed", async () => {
    const outside = join(place, "outside");
    mkdirSync(outside);
    writeFileSync(join(outside, "precious"), "");
    await kubectl("delete", "pod", "reader");
    await cluster.apply(user("nest", "own", `mkdir -p /data/a/b; ln -s ${outside} /data/a/link; ln -s ${outside} /data/link; ${STAY}`));
    await kubectl("wait", "--for=condition=Ready", "pod/nest", "--timeout=120s");
    const { spec } = await cluster.get("pvc", "own");
    await kubectl("delete", "pvc", "own", "--wait=false");
    await kubectl("delete", "pv", spec.volumeName, "--wait=false");
    expect(await kubectl("get", "pvc", "own", "--no-headers")).toMatch(/^own\s+Terminating/);
    expect(await kubectl("get", "pv", spec.volumeName, "--no-headers")).toContain("Terminating");
    expect(existsSync(join(volumes(), spec.volumeName, "word"))).toBe(true);
    await kubectl("delete", "pod", "nest");
    await kubectl("wait", "--for=delete", "pvc/own", `pv/${spec.volumeName}`, "--timeout=120s");
    expect(readdirSync(volumes())).toEqual([]);
    expect(readdirSync(outside)).toEqual(["precious"]);
  });
});

describe("a class that binds at once and retains", { timeout: 300_000 }, () => {
  const kept = {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: "kept" },
    provisioner: "strata.io/local-path",
    reclaimPolicy: "Retain",
  };

  test("binds a claim without a pod, keeps its data, and gives it to the next when the volume is freed by hand", async () => {
    await cluster.apply(kept, claim("first", { storageClassName: "kept" }));
    await eventually(async () => expect(await phase("pvc", "first")).toBe("Bound"));
    const { volumeName } = (await cluster.get("pvc", "first")).spec;
    await cluster.apply(user("filler", "first", "echo old > /data/word"));
    await ended("filler");
    await kubectl("delete", "pod", "filler");
    await kubectl("delete", "pvc", "first");
    await eventually(async () => expect(await phase("pv", volumeName)).toBe("Released"));
    await cluster.apply(claim("second", { storageClassName: "kept", volumeName }));
    await eventually(async () => expect(await told("pvc", "second")).toContain(`volume "${volumeName}" already bound to a different claim.`));
    await kubectl("patch", "pv", volumeName, "--type=json", "-p", '[{"op":"remove","path":"/spec/claimRef"}]');
    await eventually(async () => expect(await phase("pvc", "second")).toBe("Bound"));
    await cluster.apply(user("heir", "second", "cat /data/word"));
    await ended("heir");
    expect(await kubectl("logs", "heir")).toBe("old");
    await kubectl("delete", "pod", "heir");
    await kubectl("delete", "pvc", "second");
    await kubectl("delete", "pv", volumeName);
    expect(readFileSync(join(volumes(), volumeName, "word"), "utf8")).toBe("old\n");
  });

  test("says clearly what it cannot make", async () => {
    await cluster.apply(claim("copy", { storageClassName: "kept", dataSource: { kind: "PersistentVolumeClaim", name: "first" } }));
    await eventually(async () =>
      expect(await told("pvc", "copy")).toMatch(/ProvisioningFailed .*volumes start empty here: a copy of PersistentVolumeClaim "first" .* cannot be made/),
    );
    expect(await phase("pvc", "copy")).toBe("Pending");
    await kubectl("delete", "pvc", "copy");
  });
});

describe("volumes made by hand", { timeout: 300_000 }, () => {
  test("are bound by class, size and labels; the smallest that fits", async () => {
    const labelled = (name: string, storage: string): any => ({ ...volume(name, { capacity: { storage } }), metadata: { name, labels: { tier: "fast" } } });
    await cluster.apply(labelled("big", "8Mi"), labelled("fit", "4Mi"), labelled("small", "1Mi"), volume("plain", { capacity: { storage: "2Mi" } }));
    const selector = { matchLabels: { tier: "fast" } };
    await eventually(async () => expect(await phase("pv", "big")).toBe("Available"));
    await cluster.apply(claim("static", { storageClassName: "manual", selector, resources: { requests: { storage: "2Mi" } } }));
    await eventually(async () => expect(await kubectl("get", "pvc", "static", "--no-headers")).toMatch(/^static\s+Bound\s+fit\s+4Mi\s+RWO\s+manual\s/));
    const annotations = (await cluster.get("pvc", "static")).metadata.annotations;
    expect(annotations).toMatchObject({ "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes" });
  });

  test("of type hostPath and local reach their pods, whole, read-only and by subPath", async () => {
    await cluster.apply(
      volume("disk", { storageClassName: "", hostPath: undefined, local: { path: join(place, "disk") }, nodeAffinity: here, accessModes: ["ReadWriteMany"] }),
    );
    await cluster.apply(claim("shared", { storageClassName: "", accessModes: ["ReadWriteMany"] }));
    await cluster.apply(user("part", "shared", "echo sub > /data/word", {}, { subPath: "inner/deep" }));
    await ended("part");
    const locked = user("locked", "shared", "cat /data/inner/deep/word; touch /data/x 2>/dev/null || echo refused", {
      volumes: [{ name: "data", persistentVolumeClaim: { claimName: "shared", readOnly: true } }],
    });
    await cluster.apply(locked, user("host", "static", "echo host > /data/word"));
    await ended("locked");
    await ended("host");
    expect(await kubectl("logs", "locked")).toBe("sub\nrefused");
    expect(readFileSync(join(place, "fit", "word"), "utf8")).toBe("host\n");
    await kubectl("delete", "pod", "part", "locked", "host");
  });

  test("are never removed from here: Delete and Recycle fail, Retain keeps", async () => {
    await kubectl("patch", "pv", "fit", "-p", '{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}');
    await kubectl("delete", "pvc", "static");
    await eventually(async () => expect(await told("pv", "fit")).toMatch(/VolumeFailedDelete .*no deletable volume plugin matched/));
    await eventually(async () => expect(await phase("pv", "fit")).toBe("Failed"));
    expect(readFileSync(join(place, "fit", "word"), "utf8")).toBe("host\n");
    await kubectl("patch", "pv", "disk", "-p", '{"spec":{"persistentVolumeReclaimPolicy":"Recycle"}}');
    await kubectl("delete", "pvc", "shared");
    await eventually(async () => expect(await told("pv", "disk")).toMatch(/VolumeFailedRecycle .*No recycler plugin found/));
    expect(existsSync(join(place, "disk/inner/deep/word"))).toBe(true);
    await kubectl("delete", "pv", "big", "fit", "small", "plain", "disk");
  });

  test("that a claim loses are told as lost", async () => {
    await cluster.apply(volume("lone"), claim("loser", { storageClassName: "manual" }));
    await eventually(async () => expect(await phase("pvc", "loser")).toBe("Bound"));
    await kubectl("delete", "pv", "lone", "--wait=false");
    await kubectl("patch", "pv", "lone", "--type=merge", "-p", '{"metadata":{"finalizers":null}}');
    await eventually(async () => expect(await phase("pvc", "loser")).toBe("Lost"));
    await eventually(async () =>
      expect(await told("pvc", "loser")).toMatch(/Warning\s+ClaimLost .*Bound claim has lost its PersistentVolume. Data on the volume is lost!/),
    );
    await kubectl("delete", "pvc", "loser");
  });
});

describe("a pod", { timeout: 300_000 }, () => {
  const why = async (pod: string): Promise<string> => (await cluster.get("pod", pod)).status.conditions?.[0]?.message ?? "";

  test("waits for its claim to be there, then bound, and starts when it is", async () => {
    await cluster.apply(user("early", "late", "echo ran"));
    await eventually(async () => expect(await why("early")).toBe('0/1 nodes are available: persistentvolumeclaim "late" not found.'));
    await cluster.apply(claim("late", { storageClassName: "manual" }));
    await eventually(async () => expect(await why("early")).toBe("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."));
    await eventually(async () => expect(await told("pvc", "late")).toContain('storageclass.storage.k8s.io "manual" not found'));
    await cluster.apply(volume("found"));
    await ended("early");
    await kubectl("delete", "pod", "early");
    await kubectl("delete", "pvc", "late");
    await kubectl("delete", "pv", "found");
  });

  test("given a node by hand waits on it, with an event that says for what", async () => {
    await cluster.apply(claim("unbound", { storageClassName: "manual" }), user("placed", "unbound", "echo ran", { nodeName: "here" }));
    await eventually(async () => expect(await told("pod", "placed")).toMatch(/FailedMount .*error processing PVC default\/unbound: PVC is not bound/));
    await cluster.apply(volume("found"));
    await ended("placed");
    await kubectl("delete", "pod", "placed");
    await kubectl("delete", "pvc", "unbound");
    await kubectl("delete", "pv", "found");
  });

  test("finds no place where its volume is not", async () => {
    const away = { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["away"] }] }] } };
    await cluster.apply(volume("far", { nodeAffinity: away }), claim("far", { storageClassName: "manual" }), user("stranded", "far", "echo ran"));
    await eventually(async () => expect(await why("stranded")).toBe("0/1 nodes are available: 1 node(s) had volume node affinity conflict."));
    await kubectl("delete", "pod", "stranded");
    await kubectl("delete", "pvc", "far");
    await kubectl("delete", "pv", "far");
  });

  test("has a ReadWriteOncePod claim to itself", async () => {
    await cluster.apply(claim("single", { accessModes: ["ReadWriteOncePod"] }), user("holder", "single", STAY));
    await kubectl("wait", "--for=condition=Ready", "pod/holder", "--timeout=120s");
    await cluster.apply(user("second", "single", "echo ran"));
    await eventually(async () =>
      expect(await why("second")).toContain("node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"),
    );
    await kubectl("delete", "pod", "holder");
    await ended("second");
    await kubectl("delete", "pod", "second");
    await kubectl("delete", "pvc", "single");
  });

  test("of any user writes into its volume, and its group owns what is there", async () => {
    await cluster.apply(claim("grouped"), user("maker", "grouped", "mkdir /data/d; echo x > /data/d/f; ln -s /etc/passwd /data/link"));
    await ended("maker");
    await cluster.apply(user("thief", "grouped", "cat /data", {}, { subPath: "link" }));
    await eventually(async () => expect(await kubectl("get", "pod", "thief")).toContain("CreateContainerConfigError"));
    await eventually(async () => expect(await told("pod", "thief")).toContain('failed to prepare subPath for volumeMount: "link" leads out of its volume'));
    await kubectl("delete", "pod", "maker", "thief");
    const securityContext = { runAsUser: 1234, runAsGroup: 1234, fsGroup: 4321 };
    const script = "stat -c '%g %A' /data /data/d /data/d/f; stat -c %g /data/link; echo more >> /data/d/f && cat /data/d/f";
    await cluster.apply(user("member", "grouped", script, { securityContext }));
    await ended("member");
    expect((await kubectl("logs", "member")).split("\n")).toEqual(["4321 drwxrwsrwx", "4321 drwxrwsr-x", "4321 -rw-rw-r--", "4321", "x", "more"]);
    expect(statSync("/etc/passwd").gid).toBe(0);
    await kubectl("delete", "pod", "member");
    await kubectl("delete", "pvc", "grouped");
  });

  test("finds in its volume what was put there, not what its image has in that place", async () => {
    const containers = [{ name: "c", image: "local/seeded:v1", command: ["ls", "-A", "/data"], volumeMounts: [{ name: "data", mountPath: "/data" }] }];
    await cluster.apply(claim("empty"), user("looker", "empty", "", { containers }));
    await ended("looker");
    expect(await kubectl("logs", "looker")).toBe("");
    await kubectl("delete", "pod/looker", "pvc/empty");
  });

  test("with a generic ephemeral volume owns a claim that goes with it", async () => {
    const template = { metadata: { labels: { kind: "scratch" } }, spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Mi" } } } };
    await cluster.apply(user("scratcher", "", `echo x > /data/f; ${STAY}`, { volumes: [{ name: "data", ephemeral: { volumeClaimTemplate: template } }] }));
    await kubectl("wait", "--for=condition=Ready", "pod/scratcher", "--timeout=120s");
    const { metadata, spec } = await cluster.get("pvc", "scratcher-data");
    expect(metadata).toMatchObject({ labels: { kind: "scratch" }, ownerReferences: [{ kind: "Pod", name: "scratcher", controller: true }] });
    await kubectl("delete", "pod", "scratcher");
    await kubectl("wait", "--for=delete", "pvc/scratcher-data", `pv/${spec.volumeName}`, "--timeout=120s");
    expect(existsSync(join(volumes(), spec.volumeName))).toBe(false);
  });
});

describe("a bound claim", { timeout: 300_000 }, () => {
  test("grows where its class allows it, and never shrinks", async () => {
    await cluster.apply(claim("grower"), user("tiny", "grower", STAY));
    await eventually(async () => expect(await phase("pvc", "grower")).toBe("Bound"));
    const ask = async (storage: string): Promise<string> =>
      await kubectl("patch", "pvc", "grower", "-p", JSON.stringify({ spec: { resources: { requests: { storage } } } })).catch((error: Error) => error.message);
    await ask("5Mi");
    await eventually(async () => expect((await cluster.get("pvc", "grower")).status.capacity.storage).toBe("5Mi"));
    expect((await cluster.get("pv", (await cluster.get("pvc", "grower")).spec.volumeName)).spec.capacity.storage).toBe("5Mi");
    await eventually(async () => expect(await told("pvc", "grower")).toContain("VolumeResizeSuccessful"));
    expect(await ask("2Mi")).toContain("spec.resources.requests.storage: Forbidden: field can not be less than status.capacity");
    await kubectl("patch", "sc", "local-path", "-p", '{"allowVolumeExpansion":false}');
    expect(await ask("9Mi")).toContain('persistentvolumeclaims "grower" is forbidden: only dynamically provisioned pvc can be resized');
    await kubectl("patch", "sc", "local-path", "-p", '{"allowVolumeExpansion":true}');
    await kubectl("delete", "pod", "tiny");
    await kubectl("delete", "pvc", "grower");
  });
});

describe("what is wrong", { timeout: 300_000 }, () => {
  test("is refused with its field, and changes nothing", async () => {
    expect(await refusal(claim("bad", { accessModes: [] }))).toContain("spec.accessModes: Required value: at least 1 access mode is required");
    expect(await refusal(claim("bad", { resources: {} }))).toContain("spec.resources[storage]: Required value");
    expect(await refusal(volume("bad", { hostPath: undefined }))).toContain("spec: Required value: must specify a volume type");
    expect(await refusal(volume("bad", { persistentVolumeReclaimPolicy: "Burn" }))).toContain(
      'spec.persistentVolumeReclaimPolicy: Unsupported value: "Burn": supported values: "Delete", "Recycle", "Retain"',
    );
    await cluster.apply(claim("good"));
    expect(await refusal(claim("good", { accessModes: ["ReadWriteMany"] }))).toContain("spec is immutable after creation except resources.requests");
    await kubectl("delete", "pvc", "good");
    await eventually(async () => expect(await kubectl("get", "pvc,pv", "-o", "name")).toBe("")); // the last volume of before goes after its claim
  });
});

describe("the class that a cluster starts with, once more", { timeout: 300_000 }, () => {
  test("does not come back to who deleted it, and a claim without a class says what it lacks", async () => {
    await kubectl("delete", "sc", "--all");
    await cluster.restart();
    expect(await kubectl("get", "sc", "-o", "name")).toBe("");
    await cluster.apply(claim("classless"));
    await eventually(async () =>
      expect(await told("pvc", "classless")).toContain("no persistent volumes available for this claim and no storage class is set"),
    );
    await cluster.apply({ ...LOCAL, metadata: { name: "later", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } } });
    await eventually(async () => expect(await phase("pvc", "classless")).toBe("Bound"));
    expect((await cluster.get("pvc", "classless")).spec.storageClassName).toBe("later");
    await kubectl("delete", "pvc", "classless");
  });
});

describe("taking the cluster down", { timeout: 300_000 }, () => {
  test("keeps the data of claims for the next start; a purge deletes what is to be deleted and tells where the rest is", async () => {
    const kept = { ...LOCAL, metadata: { name: "retained" }, reclaimPolicy: "Retain" };
    await cluster.apply(kept, claim("keep", { storageClassName: "retained" }), claim("drop", { storageClassName: "later" }));
    await cluster.apply(user("one", "keep", "echo kept > /data/word"), user("two", "drop", "echo dropped > /data/word"));
    await ended("one");
    await ended("two");
    const folderOf = async (name: string): Promise<string> => join(volumes(), (await cluster.get("pvc", name)).spec.volumeName);
    const [keep, drop] = [await folderOf("keep"), await folderOf("drop")];
    await strataOutput(cluster.root, "down");
    expect([keep, drop].map((folder) => existsSync(join(folder, "word")))).toEqual([true, true]);
    await cluster.restart();
    expect(await phase("pvc", "keep")).toBe("Bound");
    const { status, stderr } = await runStrata(cluster.root, ["down", "--purge"]);
    expect([status, stderr]).toEqual([0, expect.stringContaining("Data that is to be retained is still there:\n")]);
    expect(stderr).toContain(`  ${keep}\n`);
    expect(stderr).not.toContain(drop);
    expect(readFileSync(join(keep, "word"), "utf8")).toBe("kept\n");
    expect(existsSync(drop)).toBe(false);
    expect(readdirSync(join(cluster.root.root, "cluster"))).toEqual(["volumes"]);
  });
});
