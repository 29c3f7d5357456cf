/** The fields of pods that their descriptions show. Spec: Kubernetes API reference, core/v1 PodSpec. */
import type { Labels } from "./fields.ts";

export interface Probe {
  readonly exec?: { readonly command?: readonly string[] };
  readonly httpGet?: { readonly host?: string; readonly port: number | string; readonly path?: string; readonly scheme?: string };
  readonly tcpSocket?: { readonly host?: string; readonly port: number | string };
  readonly grpc?: { readonly port: number; readonly service?: string };
  readonly initialDelaySeconds?: number;
  readonly timeoutSeconds?: number;
  readonly periodSeconds?: number;
  readonly successThreshold?: number;
  readonly failureThreshold?: number;
}

interface KeyRef {
  readonly name?: string;
  readonly key: string;
  readonly optional?: boolean;
}

export interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly fieldRef?: { readonly apiVersion?: string; readonly fieldPath: string };
    readonly resourceFieldRef?: { readonly containerName?: string; readonly resource: string };
    readonly secretKeyRef?: KeyRef;
    readonly configMapKeyRef?: KeyRef;
  };
}

interface Source {
  readonly name?: string;
  readonly optional?: boolean;
}

export interface Container {
  readonly name: string;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly ports?: readonly { readonly containerPort: number; readonly hostPort?: number; readonly protocol?: string }[];
  readonly resources?: { readonly limits?: Labels; readonly requests?: Labels };
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly startupProbe?: Probe;
  readonly env?: readonly Variable[];
  readonly envFrom?: readonly { readonly prefix?: string; readonly configMapRef?: Source; readonly secretRef?: Source }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean; readonly subPath?: string }[];
  readonly securityContext?: { readonly seccompProfile?: SeccompProfile };
}

export interface SeccompProfile {
  readonly type: string;
  readonly localhostProfile?: string;
}

interface Ended {
  readonly reason?: string;
  readonly message?: string;
  readonly exitCode: number;
  readonly signal?: number;
  readonly startedAt?: string;
  readonly finishedAt?: string;
}

export interface State {
  readonly waiting?: { readonly reason?: string };
  readonly running?: { readonly startedAt?: string };
  readonly terminated?: Ended;
}

export interface ContainerStatus {
  readonly name: string;
  readonly containerID?: string;
  readonly imageID?: string;
  readonly state?: State;
  readonly lastState?: State;
  readonly ready?: boolean;
  readonly restartCount?: number;
}

interface Item {
  readonly path: string;
  readonly fieldRef?: { readonly fieldPath: string };
  readonly resourceFieldRef?: { readonly resource: string };
}

export interface Volume {
  readonly name: string;
  readonly hostPath?: { readonly path: string; readonly type?: string };
  readonly emptyDir?: { readonly medium?: string; readonly sizeLimit?: string };
  readonly secret?: { readonly secretName?: string; readonly optional?: boolean };
  readonly configMap?: Source;
  readonly nfs?: { readonly server: string; readonly path: string; readonly readOnly?: boolean };
  readonly persistentVolumeClaim?: { readonly claimName: string; readonly readOnly?: boolean };
  readonly downwardAPI?: { readonly items?: readonly Item[] };
  readonly ephemeral?: object;
  readonly projected?: {
    readonly sources?: readonly {
      readonly secret?: Source;
      readonly configMap?: Source;
      readonly downwardAPI?: object;
      readonly serviceAccountToken?: { readonly expirationSeconds?: number };
    }[];
  };
}

export interface Toleration {
  readonly key?: string;
  readonly operator?: string;
  readonly value?: string;
  readonly effect?: string;
  readonly tolerationSeconds?: number;
}

export interface PodSpec {
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly ephemeralContainers?: readonly Container[];
  readonly volumes?: readonly Volume[];
  readonly nodeSelector?: Labels;
  readonly tolerations?: readonly Toleration[];
  readonly nodeName?: string;
  readonly priority?: number;
  readonly priorityClassName?: string;
  readonly serviceAccountName?: string;
  readonly securityContext?: { readonly seccompProfile?: SeccompProfile };
  readonly readinessGates?: readonly { readonly conditionType: string }[];
}
