/** Annotations and finalizers of claims and volumes. Spec: Kubernetes documentation, "Well-Known Labels, Annotations and Taints". */

/** On a claim: its volume was found once; from now on a missing volume is lost data. */
export const BIND_COMPLETED = "pv.kubernetes.io/bind-completed";
/** On either: the other was chosen by the binder, not by the user. */
export const BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller";
/** On a volume: who made it. */
export const PROVISIONED_BY = "pv.kubernetes.io/provisioned-by";
/** On a claim: who shall make its volume. */
export const STORAGE_PROVISIONER = "volume.kubernetes.io/storage-provisioner";
export const BETA_STORAGE_PROVISIONER = "volume.beta.kubernetes.io/storage-provisioner";
/** On a claim that waits for its first consumer: where that will run. */
export const SELECTED_NODE = "volume.kubernetes.io/selected-node";
export const BETA_STORAGE_CLASS = "volume.beta.kubernetes.io/storage-class";
export const DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class";
export const BETA_DEFAULT_CLASS = "storageclass.beta.kubernetes.io/is-default-class";

export const CLAIM_PROTECTION = "kubernetes.io/pvc-protection";
export const VOLUME_PROTECTION = "kubernetes.io/pv-protection";
/** On a provisioned volume: its folder goes before its object. */
export const PROVISIONER_PROTECTION = "external-provisioner.volume.kubernetes.io/finalizer";

/** Makes folders on this node. */
export const LOCAL_PROVISIONER = "strata.io/local-path";

export const CLAIMS = "persistentvolumeclaims";
export const VOLUMES = "persistentvolumes";
export const CLASSES = "storageclasses.storage.k8s.io";
