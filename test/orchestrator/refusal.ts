/** What a test of refusals asks for: where objects of a kind are, and that a refused write has changed nothing. */
import { expect } from "vitest";
import { resources } from "../../orchestrator/schema/resources.ts";
import type { TestApi } from "./api-server.ts";

/** Where objects of a kind are, in the namespace `default` when they have one. */
export function collection(kind: string, namespace = "default"): string {
  const { group, version, namespaced, resource } = resources.find((one) => one.kind === kind)!;
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${root}${namespaced ? `/namespaces/${namespace}` : ""}/${resource}`;
}

/** `Deployment.apps`. */
export function printed(kind: string): string {
  const { group } = resources.find((one) => one.kind === kind)!;
  return group === "" ? kind : `${kind}.${group}`;
}

export const merge = { "content-type": "application/merge-patch+json" };

type Refuse = (method: string, path: string, body: unknown, headers?: Record<string, string>) => Promise<{ readonly status: number; readonly body: any }>;

/** The answer, which must be a Status; checked is also that no object anywhere has a newer version than before. */
export function refusals(server: TestApi): Refuse {
  const revision = async (): Promise<string> => (await server.call("GET", "/api/v1/namespaces?limit=1")).body.metadata.resourceVersion;
  return async (method, path, body, headers) => {
    const before = await revision();
    const answer = await server.call(method, path, { body, ...(headers && { headers }) });
    expect(await revision(), "nothing changed").toBe(before);
    expect([answer.body.kind, answer.body.status, answer.body.code]).toEqual(["Status", "Failure", answer.status]);
    return answer;
  };
}
