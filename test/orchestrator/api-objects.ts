/** Objects that the API server is spoken to about. */

export const configMaps = "/api/v1/namespaces/default/configmaps";

export const configMap = (name: string, more: object = {}): object => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...more } });

export const pods = "/api/v1/namespaces/default/pods";

export const pod = (name: string, spec: object = {}, labels: object = {}): object => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels },
  spec: { containers: [{ name: "c", image: "x" }], ...spec },
});

export async function take(events: AsyncGenerator<any>, count: number): Promise<any[]> {
  const taken: any[] = [];
  for await (const event of events) if (taken.push(event) === count) break;
  return taken;
}
