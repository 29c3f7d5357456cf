/** One sentence each on the kinds and fields that people meet most, for `kubectl explain`. */

/** Empty where there is nothing to say beyond the name. */
export function descriptionOf(type: string, field?: string): string {
  if (field === undefined) return types[type] ?? "";
  return fields[`${type}.${field}`] ?? common[field] ?? "";
}

const types: Readonly<Record<string, string>> = {
  "core/v1.Pod": "Pod is a group of containers that run together on one node and share its network.",
  "core/v1.PodSpec": "PodSpec says what a pod runs and how.",
  "core/v1.PodStatus": "PodStatus is what is known of a pod; the node that runs it keeps it current.",
  "core/v1.PodTemplateSpec": "PodTemplateSpec is the pod that a controller makes copies of.",
  "core/v1.Container": "Container is one program of a pod: its image, command, environment, ports and limits.",
  "core/v1.ConfigMap": "ConfigMap holds configuration for pods to read.",
  "core/v1.Secret": "Secret holds confidential data; values are base64.",
  "core/v1.Service": "Service gives a set of pods one address and name.",
  "core/v1.ServiceSpec": "ServiceSpec says which pods a service is for and on which ports.",
  "core/v1.Namespace": "Namespace is a scope for names.",
  "core/v1.Node": "Node is a machine that runs pods.",
  "core/v1.Event": "Event reports something that happened to an object.",
  "core/v1.Probe": "Probe is a check that the node makes on a container, again and again.",
  "core/v1.ResourceRequirements": "ResourceRequirements says how much a container needs and may use.",
  "apps/v1.Deployment": "Deployment keeps a number of equal pods running and replaces them step by step when they change.",
  "apps/v1.DeploymentSpec": "DeploymentSpec is the wanted state of a Deployment.",
  "apps/v1.DeploymentStatus": "DeploymentStatus is the observed state of a Deployment.",
  "apps/v1.DeploymentStrategy": "DeploymentStrategy says how old pods are replaced by new ones.",
  "apps/v1.ReplicaSet": "ReplicaSet keeps a number of equal pods running.",
  "apps/v1.StatefulSet": "StatefulSet keeps pods with stable names and storage running, in order.",
  "apps/v1.DaemonSet": "DaemonSet keeps one pod on every node that qualifies.",
  "batch/v1.Job": "Job runs pods until enough of them have succeeded.",
  "batch/v1.CronJob": "CronJob makes jobs on a schedule.",
  "meta/v1.ObjectMeta": "ObjectMeta is what every stored object has.",
  "meta/v1.LabelSelector": "LabelSelector chooses objects by their labels; all requirements must hold.",
};

const fields: Readonly<Record<string, string>> = {
  "core/v1.PodSpec.containers": "Containers of the pod; at least one. Cannot be changed, save for images.",
  "core/v1.PodSpec.initContainers": "Containers that run to completion, one after another, before the others start.",
  "core/v1.PodSpec.restartPolicy": "Restart policy of all containers of the pod: Always, OnFailure or Never.",
  "core/v1.PodSpec.volumes": "Volumes that containers of the pod may mount.",
  "core/v1.PodSpec.nodeName": "Node that the pod is to run on; set by the scheduler.",
  "core/v1.PodSpec.nodeSelector": "Labels that a node must have for the pod to run there.",
  "core/v1.PodSpec.terminationGracePeriodSeconds": "Seconds between asking the containers to end and killing them.",
  "core/v1.Container.image": "Image reference.",
  "core/v1.Container.command": "Entrypoint array; the image's own when absent.",
  "core/v1.Container.args": "Arguments of the entrypoint; the image's own when absent.",
  "core/v1.Container.env": "Environment variables.",
  "core/v1.Container.ports": "Ports that the container listens on; for information.",
  "core/v1.Container.resources": "Compute resources that the container needs and may use.",
  "core/v1.Container.livenessProbe": "A container that fails this probe is restarted.",
  "core/v1.Container.readinessProbe": "A container that fails this probe gets no traffic.",
  "core/v1.Container.startupProbe": "Other probes wait until this one has succeeded.",
  "core/v1.ServiceSpec.selector": "Labels of the pods that the service sends traffic to.",
  "apps/v1.DeploymentSpec.replicas": "Number of pods wanted. Defaults to 1.",
  "apps/v1.DeploymentSpec.selector": "Which pods belong to the deployment; must match the labels of the template. Cannot be changed.",
  "apps/v1.DeploymentSpec.template": "The pods that are made.",
  "apps/v1.DeploymentSpec.strategy": "How old pods are replaced by new ones.",
  "apps/v1.DeploymentSpec.minReadySeconds": "Seconds that a new pod must be ready without a crash to count as available.",
  "apps/v1.DeploymentSpec.revisionHistoryLimit": "Number of old ReplicaSets kept to roll back to. Defaults to 10.",
  "apps/v1.DeploymentSpec.progressDeadlineSeconds": "Seconds without progress after which a rollout counts as failed. Defaults to 600.",
  "apps/v1.DeploymentSpec.paused": "Changes of the template are not rolled out while paused.",
};

/** Fields that mean the same wherever they are. */
const common: Readonly<Record<string, string>> = {
  apiVersion: "Version of the schema of this object.",
  kind: "Kind of this object.",
  metadata: "Standard metadata of the object.",
  spec: "Wanted state.",
  status: "Observed state, kept by the system.",
  name: "Name, unique in its scope.",
  namespace: "Namespace of the object.",
  labels: "Labels: keys and values to select objects by.",
  annotations: "Annotations: keys and values for tools; not selectable.",
  replicas: "Number of pods.",
  selector: "Which objects belong to this one.",
  template: "The pods that are made.",
  conditions: "Observations of the current state.",
};
