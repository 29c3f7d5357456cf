/** What a client of the cluster is refused with. */
import { CodedError } from "../../store/errors.ts";

export type ClientErrorCode =
  | "CLUSTER_DOWN"
  | "KUBECONFIG_INVALID"
  | "ANSWER_INVALID"
  | "REFUSED"
  | "NOT_FOUND"
  | "TIMED_OUT"
  | "ROLLOUT_FAILED"
  | "KIND_UNKNOWN"
  | "MANIFEST_INVALID";

export class ClientError extends CodedError<ClientErrorCode> {}
