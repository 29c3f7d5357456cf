/** The objects behind `strata deploy`. Decides, and does nothing. */
import type { Draft } from "../cluster.ts";

export interface DeployRequest {
  readonly image: string;
  readonly name: string;
  readonly namespace: string;
  readonly replicas: number;
  readonly ports: readonly { readonly host: number; readonly container: number }[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
}

/** A Deployment, and with ports a Service of type LoadBalancer: the same YAML works on a real cluster. */
export function deployManifests({ image, name, namespace, replicas, ports, env }: DeployRequest): readonly Draft[] {
  const labels = { app: name };
  const metadata = { name, namespace, labels };
  const [first] = ports;
  const container = {
    name,
    image,
    imagePullPolicy: "IfNotPresent",
    ...(env.length === 0 ? {} : { env }),
    ...(first === undefined
      ? {}
      : {
          ports: ports.map((port) => ({ containerPort: port.container, protocol: "TCP" })),
          readinessProbe: { tcpSocket: { port: first.container }, periodSeconds: 2 },
        }),
  };
  const deployment: Draft = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata,
    spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [container] } } },
  };
  if (ports.length === 0) return [deployment];
  const service: Draft = {
    apiVersion: "v1",
    kind: "Service",
    metadata,
    spec: {
      type: "LoadBalancer",
      selector: labels,
      ports: ports.map(({ host, container: target }) => ({ name: `port-${host}`, port: host, targetPort: target, protocol: "TCP" })),
    },
  };
  return [deployment, service];
}

/** The image's last part without tag and digest, made a name that Kubernetes takes. */
export function nameFor(image: string): string {
  const last = (image.split("@")[0] ?? "").split("/").at(-1) ?? "";
  return (last.split(":")[0] ?? "")
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "");
}
