/** Whatever shows a build. */
import type { Finding } from "../../builder/check/finding.ts";
import type { BuildEvent } from "../../builder/progress.ts";

export interface ProgressView {
  show(event: BuildEvent): void;
  /** For views that are read by programs: true when it has told the warnings itself. */
  warn(findings: readonly Finding[], source: { readonly text: string; readonly file: string }): boolean;
  /** Leaves the terminal to somebody else, until `resume`. */
  pause(): void;
  resume(): void;
  /** Says the rest, and what failed steps printed last. May be called again. */
  end(): void;
}
