/** Why a container or a pod could not be started: the reason is what `kubectl get pods` shows. */
import { CodedError } from "../../store/errors.ts";

export type StartReason =
  | "ErrImagePull"
  | "ErrImageNeverPull"
  | "InvalidImageName"
  | "ImageInspectError"
  | "CreateContainerConfigError"
  | "CreateContainerError"
  | "RunContainerError"
  | "PostStartHookError"
  | "FailedMount"
  | "FailedCreatePodSandBox";

export class StartError extends CodedError<StartReason> {}
