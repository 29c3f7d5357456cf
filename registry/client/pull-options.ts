/** What a pull takes. */
import type { Arrival } from "../../store/care/arrival.ts";
import type { Platform } from "../../store/oci.ts";
import type { Store } from "../../store/store.ts";
import type { OnTransfer, RemoteRepository } from "./remote-repository.ts";

/** What an image is pulled from. */
export type PullSource = Pick<RemoteRepository, "place" | "read" | "fetch">;
export type PullStore = Pick<Store, "root" | "blobs" | "snapshots">;

export interface PullOptions {
  /** Of an index: one platform, or all of them. @default this machine's */
  readonly platform?: Platform | "all" | undefined;
  /** False leaves the layers packed. @default true */
  readonly unpack?: boolean;
  readonly onTransfer?: OnTransfer;
  /** Holds what comes until the caller has named it. */
  readonly arrival?: Pick<Arrival, "expect" | "confirm"> | undefined;
}
