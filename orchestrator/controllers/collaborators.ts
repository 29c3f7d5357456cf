/** What every controller works with. */
import type { Cluster } from "../cluster.ts";
import type { Clock } from "./clock.ts";
import type { Recorder } from "./events.ts";

export interface Collaborators {
  readonly cluster: Cluster;
  readonly recorder: Recorder;
  readonly clock: Clock;
}
