/** The parts of a pod's spec that the node agent reads, as types over validated and defaulted objects. */
import type { KubeObject } from "../cluster.ts";

export interface PodSpec {
  readonly containers: readonly ContainerSpec[];
  readonly initContainers?: readonly ContainerSpec[];
  /** Put into a pod that runs, for debugging; never restarted. */
  readonly ephemeralContainers?: readonly ContainerSpec[];
  readonly imagePullSecrets?: readonly { readonly name?: string }[];
  readonly volumes?: readonly VolumeSpec[];
  readonly restartPolicy?: "Always" | "OnFailure" | "Never";
  readonly terminationGracePeriodSeconds?: number;
  readonly activeDeadlineSeconds?: number;
  readonly hostNetwork?: boolean;
  readonly hostname?: string;
  readonly subdomain?: string;
  /** Variables for the services of the namespace. @default true */
  readonly enableServiceLinks?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly shareProcessNamespace?: boolean;
  readonly nodeName?: string;
  readonly serviceAccountName?: string;
  readonly hostAliases?: readonly { readonly ip: string; readonly hostnames?: readonly string[] }[];
  readonly dnsPolicy?: string;
  readonly dnsConfig?: {
    readonly nameservers?: readonly string[];
    readonly searches?: readonly string[];
    readonly options?: readonly { readonly name: string; readonly value?: string }[];
  };
  readonly securityContext?: PodSecurity;
  readonly readinessGates?: readonly { readonly conditionType: string }[];
}

export interface PodSecurity {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly runAsNonRoot?: boolean;
  readonly fsGroup?: number;
  readonly fsGroupChangePolicy?: "Always" | "OnRootMismatch";
  readonly supplementalGroups?: readonly number[];
  readonly sysctls?: readonly { readonly name: string; readonly value: string }[];
  readonly seccompProfile?: SeccompChoice;
}

export interface SeccompChoice {
  readonly type: string;
  /** Of `Localhost`: a file below the seccomp folder of the node. */
  readonly localhostProfile?: string;
}

export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly imagePullPolicy?: "Always" | "IfNotPresent" | "Never";
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly workingDir?: string;
  readonly env?: readonly EnvVar[];
  readonly envFrom?: readonly EnvFrom[];
  readonly ports?: readonly ContainerPort[];
  readonly resources?: ResourceNeeds;
  readonly volumeMounts?: readonly VolumeMount[];
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly startupProbe?: Probe;
  readonly lifecycle?: { readonly postStart?: Handler; readonly preStop?: Handler };
  readonly securityContext?: ContainerSecurity;
  readonly stdin?: boolean;
  /** Its input ends with the first client's. */
  readonly stdinOnce?: boolean;
  readonly tty?: boolean;
  readonly terminationMessagePath?: string;
  readonly terminationMessagePolicy?: "File" | "FallbackToLogsOnError";
  /** `Always` on an init container makes it a sidecar. */
  readonly restartPolicy?: string;
  /** Of an ephemeral container: whose processes it sees. */
  readonly targetContainerName?: string;
}

export interface ContainerSecurity {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly runAsNonRoot?: boolean;
  readonly privileged?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  readonly seccompProfile?: SeccompChoice;
  readonly procMount?: string;
}

export interface ContainerPort {
  readonly name?: string;
  readonly containerPort: number;
  readonly hostPort?: number;
  readonly hostIP?: string;
  readonly protocol?: string;
}

export interface ResourceNeeds {
  readonly requests?: Readonly<Record<string, string | number>>;
  readonly limits?: Readonly<Record<string, string | number>>;
}

export interface KeyRef {
  readonly name: string;
  readonly key: string;
  readonly optional?: boolean;
}

export interface FieldRef {
  readonly fieldPath: string;
}

export interface ResourceFieldRef {
  readonly containerName?: string;
  readonly resource: string;
  readonly divisor?: string | number;
}

export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly fieldRef?: FieldRef;
    readonly resourceFieldRef?: ResourceFieldRef;
    readonly configMapKeyRef?: KeyRef;
    readonly secretKeyRef?: KeyRef;
  };
}

export interface EnvFrom {
  readonly prefix?: string;
  readonly configMapRef?: { readonly name: string; readonly optional?: boolean };
  readonly secretRef?: { readonly name: string; readonly optional?: boolean };
}

export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
  readonly subPath?: string;
  readonly subPathExpr?: string;
  readonly mountPropagation?: string;
}

export interface KeyItem {
  readonly key: string;
  readonly path: string;
  readonly mode?: number;
}

export interface ObjectProjection {
  readonly name?: string;
  readonly items?: readonly KeyItem[];
  readonly optional?: boolean;
}

export interface DownwardProjection {
  readonly items?: readonly { readonly path: string; readonly fieldRef?: FieldRef; readonly resourceFieldRef?: ResourceFieldRef; readonly mode?: number }[];
}

export interface TokenProjection {
  readonly path: string;
  readonly audience?: string;
  readonly expirationSeconds?: number;
}

export interface ProjectedSource {
  readonly configMap?: ObjectProjection;
  readonly secret?: ObjectProjection;
  readonly downwardAPI?: DownwardProjection;
  readonly serviceAccountToken?: TokenProjection;
}

export interface VolumeSpec {
  readonly name: string;
  readonly emptyDir?: { readonly medium?: string; readonly sizeLimit?: string | number };
  readonly hostPath?: { readonly path: string; readonly type?: string };
  readonly configMap?: ObjectProjection & { readonly defaultMode?: number };
  readonly secret?: { readonly secretName: string; readonly items?: readonly KeyItem[]; readonly optional?: boolean; readonly defaultMode?: number };
  readonly downwardAPI?: DownwardProjection & { readonly defaultMode?: number };
  readonly persistentVolumeClaim?: { readonly claimName: string; readonly readOnly?: boolean };
  readonly ephemeral?: { readonly volumeClaimTemplate?: unknown };
  readonly projected?: {
    readonly defaultMode?: number;
    readonly sources?: readonly ProjectedSource[];
  };
}

export interface HttpGet {
  readonly path?: string;
  readonly port: number | string;
  readonly host?: string;
  readonly scheme?: string;
  readonly httpHeaders?: readonly { readonly name: string; readonly value: string }[];
}

export interface Handler {
  readonly exec?: { readonly command: readonly string[] };
  readonly httpGet?: HttpGet;
  readonly tcpSocket?: { readonly port: number | string; readonly host?: string };
  readonly grpc?: { readonly port: number; readonly service?: string };
  readonly sleep?: { readonly seconds: number };
}

export interface Probe extends Handler {
  readonly initialDelaySeconds?: number;
  readonly periodSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly successThreshold?: number;
  readonly failureThreshold?: number;
  readonly terminationGracePeriodSeconds?: number;
}

export function specOf(pod: KubeObject): PodSpec {
  return pod.spec as PodSpec;
}

export function isSidecar(container: ContainerSpec): boolean {
  return container.restartPolicy === "Always";
}

export function allContainers({ initContainers = [], containers, ephemeralContainers = [] }: PodSpec): readonly ContainerSpec[] {
  return [...initContainers, ...containers, ...ephemeralContainers];
}

/** What programs in the pod see as their host's name; the kernel takes 63 letters of it. */
export function hostnameOf(pod: KubeObject): string {
  return (specOf(pod).hostname ?? pod.metadata.name).slice(0, 63);
}

/** Seconds. */
export function graceOf(pod: KubeObject): number {
  return pod.metadata.deletionGracePeriodSeconds ?? specOf(pod).terminationGracePeriodSeconds ?? 30;
}
