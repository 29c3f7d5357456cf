/** What users are told when a container could not be started, in upstream's words. */
import type { Notice } from "../controllers/events.ts";
import type { StartReason } from "./errors.ts";

export function failureEvents(reason: StartReason, message: string, image: string): readonly Notice[] {
  const failed = (text: string): Notice => ({ type: "Warning", reason: "Failed", message: text });
  switch (reason) {
    case "ErrImagePull":
      return [
        failed(message.replace(/^f/, "F")),
        failed(`Error: ${reason}`),
        { type: "Normal", reason: "BackOff", message: `Back-off pulling image "${image}"` },
        failed("Error: ImagePullBackOff"),
      ];
    case "ErrImageNeverPull":
      return [{ type: "Warning", reason, message }, failed(`Error: ${reason}`)];
    case "InvalidImageName":
      return [{ type: "Warning", reason: "InspectFailed", message }, failed(`Error: ${reason}`)];
    case "ImageInspectError":
    case "CreateContainerConfigError":
    case "CreateContainerError":
    case "RunContainerError":
    case "PostStartHookError":
    case "FailedMount":
    case "FailedCreatePodSandBox":
      return [failed(`Error: ${message}`)];
  }
}
