/** What an API server answers, read as far as it is relied on: an object, or a list of them. */
import type { KubeObject } from "../cluster.ts";
import { ClientError } from "./errors.ts";

/** Its items do not say what they are. */
export interface ObjectList {
  readonly apiVersion: string;
  readonly kind: string;
  readonly items: readonly KubeObject[];
}

/** @throws {ClientError} `ANSWER_INVALID` */
export function readObject(answer: unknown): KubeObject {
  if (isRecord(answer) && isRecord(answer["metadata"])) return answer as unknown as KubeObject;
  throw new ClientError("ANSWER_INVALID", `Cannot read the cluster's answer as an object: it is ${summary(answer)}`);
}

/** @throws {ClientError} `ANSWER_INVALID` */
export function readList(answer: unknown): ObjectList {
  if (isList(answer)) return answer;
  throw new ClientError("ANSWER_INVALID", `Cannot read the cluster's answer as a list: it is ${summary(answer)}`);
}

export function isList(answer: unknown): answer is ObjectList {
  return isRecord(answer) && Array.isArray(answer["items"]);
}

/** The items, each with what it is. */
export function objectsIn({ apiVersion, kind, items }: ObjectList): readonly KubeObject[] {
  return items.map((item) => ({ ...item, apiVersion, kind: kind.replace(/List$/, "") }));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function summary(answer: unknown): string {
  return JSON.stringify(answer)?.slice(0, 80) ?? "nothing";
}
