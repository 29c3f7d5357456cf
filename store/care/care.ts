/** Collection, disk use and check of one root. */
import type { Digest } from "../digest.ts";
import type { Care } from "../store.ts";
import type { Table } from "../tables.ts";
import { check, type CheckHost } from "./check.ts";
import { collect } from "./collect.ts";
import { dropAbandoned, type LeaseRecord } from "./leases.ts";
import { usage } from "./usage.ts";

export function openCare(host: CheckHost, leases: Table<LeaseRecord>): Care {
  return {
    async collect(options) {
      await dropAbandoned(leases);
      return await collect(host, options);
    },
    usage: async (imagesInUse: ReadonlySet<Digest> = new Set()) => await usage(host, imagesInUse),
    check: () => check(host),
  };
}
