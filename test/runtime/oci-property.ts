/** A property of config.json, and what becomes of it here. */
import type { Lab, Overrides } from "./lab.ts";

/** Run in a container; what it prints shows the effect. */
export interface Effect {
  readonly script: string;
  readonly stdout: string | RegExp;
  readonly overrides?: Overrides | ((lab: Lab) => Overrides);
}

export type Row = { readonly property: string } & (
  | { readonly here: "honoured"; readonly effect: Effect }
  /** Shown by another test: its file and a part of its title. */
  | { readonly here: "honoured"; readonly file: string; readonly title: string }
  | { readonly here: "refused"; readonly value: unknown; readonly says: RegExp }
);
