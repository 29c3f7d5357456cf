import type { LabelFields } from "../containers/label-fields.ts";

/** A network as `network ls` shows it, and what its filters ask. */
export interface NetworkRow extends LabelFields {
  readonly ID: string;
  readonly Name: string;
  readonly Driver: string;
  readonly Scope: string;
  readonly IPv6: string;
  readonly Internal: string;
  readonly CreatedAt: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly fullID: string;
  readonly isUsed: boolean;
}
