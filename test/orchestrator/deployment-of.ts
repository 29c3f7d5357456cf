/** A Deployment whose pods are told by the label `app`: tests say what its pods are, and what else they ask of it. */
export function deploymentOf(name: string, replicas: number, pod: object, settings: object = {}): object {
  const labels = { app: name };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod }, ...settings },
  };
}
