/** One column of a human-readable table. Spec: Kubernetes API, meta.k8s.io/v1 Table. */
import type { KubeObject } from "../../cluster.ts";

export type Cell = (object: KubeObject, now: Date) => string | number | boolean;

export interface Column {
  readonly name: string;
  readonly type?: "string" | "integer" | "boolean" | "date";
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
  readonly cell: Cell;
}
