/** Makes folders for claims, lets them grow, and removes them when their claim has gone and the policy says so. The shell around its plan. */
import { chmod, mkdir } from "node:fs/promises";
import { syncFolder } from "../../../store/durable.ts";
import type { Cluster, KubeObject, ObjectKey } from "../../cluster.ts";
import { messageOf } from "../../errors.ts";
import { compareQuantities } from "../../schema/quantity.ts";
import { capacityOf, classNameOf, requestOf } from "../../storage/claims.ts";
import { CLAIMS, CLASSES, LOCAL_PROVISIONER, PROVISIONED_BY, PROVISIONER_PROTECTION, VOLUMES } from "../../storage/names.ts";
import { removeTree } from "../../storage/remove-tree.ts";
import { hasReason, keyOf, type Controller } from "../controller.ts";
import { withoutFinalizer } from "../finalizers.ts";
import type { Collaborators } from "../collaborators.ts";
import { setVolumePhase } from "../volume-binder/bind.ts";
import { formatTime } from "../clock.ts";
import { cannotProvision, draftVolume, fateOf, isAsked, wantsGrowth, type Place } from "./plan.ts";

/** Only the way in is closed to others: who may write in a volume is the pod's matter, as on other single nodes. */
const [PARENT_MODE, VOLUME_MODE] = [0o711, 0o777];

export function volumeProvisioner(room: Collaborators, place: Place): Controller {
  return {
    name: "volume-provisioner",
    workers: 2,
    watches: {
      [CLAIMS]: ({ type, object }) => (type === "DELETED" ? [] : [keyOf(object)]),
      [VOLUMES]: ({ type, object }) => (type === "DELETED" ? [] : [keyOf(object)]),
      [CLASSES]: () =>
        room.cluster
          .list(CLAIMS)
          .filter(({ status }) => status?.phase === "Pending")
          .map(keyOf),
    },
    reconcile: async (key) => (key.namespace === undefined ? await reclaim(key, room, place) : await supply(key, room, place)),
  };
}

async function supply(key: ObjectKey, room: Collaborators, place: Place): Promise<void> {
  const { cluster } = room;
  const claim = cluster.get(CLAIMS, key);
  if (claim === undefined) return;
  if (wantsGrowth(claim)) return await grow(claim, room);
  const storageClass = cluster.get(CLASSES, { namespace: undefined, name: classNameOf(claim) ?? "" });
  if (storageClass === undefined || !isAsked(claim, storageClass, place)) return;
  await provision(claim, storageClass, room, place);
}

async function provision(claim: KubeObject, storageClass: KubeObject, { cluster, recorder }: Collaborators, place: Place): Promise<void> {
  const draft = draftVolume(claim, storageClass, place);
  const name = draft.metadata.name ?? "";
  if (cluster.get(VOLUMES, { namespace: undefined, name }) !== undefined) return; // the binder's turn
  const { namespace, name: claimName } = claim.metadata;
  recorder.record(claim, "Normal", "Provisioning", `External provisioner is provisioning volume for claim "${namespace}/${claimName}"`);
  const failed = (why: string): void =>
    recorder.record(claim, "Warning", "ProvisioningFailed", `failed to provision volume with StorageClass "${storageClass.metadata.name}": ${why}`);
  const refusal = cannotProvision(claim);
  if (refusal !== undefined) return failed(refusal);
  try {
    await makeFolder(place.folder, name);
    await cluster.create(VOLUMES, draft);
  } catch (error) {
    if (hasReason(error, "AlreadyExists")) return;
    failed(messageOf(error));
    throw error;
  }
  recorder.record(claim, "Normal", "ProvisioningSucceeded", `Successfully provisioned volume ${name}`);
}

async function makeFolder(parent: string, name: string): Promise<void> {
  if ((await mkdir(parent, { recursive: true, mode: PARENT_MODE })) !== undefined) await chmod(parent, PARENT_MODE);
  const path = `${parent}/${name}`;
  await mkdir(path, { recursive: true });
  await chmod(path, VOLUME_MODE); // mkdir's mode is cut by the umask
  await syncFolder(parent);
}

/** A folder needs nothing for it: the volume's object says the new size, then the claim's. */
async function grow(claim: KubeObject, { cluster, recorder }: Collaborators): Promise<void> {
  const key = { namespace: undefined, name: claim.spec.volumeName };
  const storage = requestOf(claim);
  const volume = cluster.get(VOLUMES, key);
  if (volume?.metadata.annotations?.[PROVISIONED_BY] !== LOCAL_PROVISIONER) {
    const message = "Ignoring the PVC: didn't find a plugin capable of expanding the volume; waiting for an external controller to process this PVC.";
    return recorder.record(claim, "Warning", "ExternalExpanding", message);
  }
  recorder.record(claim, "Normal", "Resizing", `External resizer is resizing volume ${key.name}`);
  await cluster.modify(VOLUMES, key, (current) =>
    compareQuantities(capacityOf(current), storage) >= 0 ? current : { ...current, spec: { ...current.spec, capacity: { ...current.spec.capacity, storage } } },
  );
  await cluster.modify(CLAIMS, keyOf(claim), (current) => ({ ...current, status: { ...current.status, capacity: { ...current.status?.capacity, storage } } }), {
    status: true,
  });
  recorder.record(claim, "Normal", "VolumeResizeSuccessful", "Resize volume succeeded");
}

async function reclaim(key: ObjectKey, room: Collaborators, place: Place): Promise<void> {
  const { cluster, clock, recorder } = room;
  const volume = cluster.get(VOLUMES, key);
  if (volume === undefined) return;
  const fate = fateOf(volume, place);
  switch (fate.kind) {
    case "keep":
      return;
    case "let go":
      return await letGo(volume, cluster);
    case "refuse":
      if (await setVolumePhase(cluster, volume, "Failed", fate.message, formatTime(clock.now())))
        recorder.record(volume, "Warning", "VolumeFailedDelete", fate.message);
      return;
    case "remove":
      await remove(volume, fate.path, room);
  }
}

/** The folder before its object: what is half removed when this process ends is gone on with. */
async function remove(volume: KubeObject, path: string, { cluster, recorder }: Collaborators): Promise<void> {
  try {
    await removeTree(path);
  } catch (error) {
    recorder.record(volume, "Warning", "VolumeFailedDelete", messageOf(error));
    throw error;
  }
  await cluster.delete(VOLUMES, keyOf(volume), { preconditions: { uid: volume.metadata.uid } });
  await letGo(volume, cluster);
}

async function letGo(volume: KubeObject, cluster: Cluster): Promise<void> {
  const { uid } = volume.metadata;
  await cluster.modify(VOLUMES, keyOf(volume), (current) => (current.metadata.uid === uid ? withoutFinalizer(current, PROVISIONER_PROTECTION) : current));
}
