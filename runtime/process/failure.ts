/** The helper's failure (step, object, errno) as a RuntimeError. */
import { RuntimeError, type RuntimeErrorCode } from "../errors.ts";

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  ENOEXEC: "not in a format that can be executed",
  ELOOP: "too many symbolic links",
  ENOTDIR: "not a directory",
  EXDEV: "the path leaves the root",
};

/** Of a security module. */
const REFUSALS: Readonly<Record<string, string>> = { ENOENT: "it is not loaded", EINVAL: "the kernel's policy has none such" };

export function failureOf(payload: Uint8Array): RuntimeError {
  const [step = "", object = "", errno = ""] = Buffer.from(payload).toString().split("\0");
  const why = WORDS[errno] ?? errno;
  const options = { step, errno };
  if (step === "command" || step === "execve") {
    const missing = errno === "ENOENT";
    return new RuntimeError(
      missing ? "COMMAND_NOT_FOUND" : "COMMAND_NOT_EXECUTABLE",
      `Cannot run ${JSON.stringify(object)}: ${missing ? missingText(object) : why}`,
      options,
    );
  }
  if (step === "cwd") return new RuntimeError("COMMAND_NOT_EXECUTABLE", `Cannot run the program in the folder ${JSON.stringify(object)}: ${why}`, options);
  if (step === "label") return new RuntimeError("LAUNCH_FAILED", `Cannot apply the ${object}: ${REFUSALS[errno] ?? why}`, options);
  if (step === "hook") return new RuntimeError("HOOK_FAILED", `Cannot run the ${object}`, options);
  return new RuntimeError(codeOf(step), `Cannot launch the process: ${step} ${object} failed with ${why}`, options);
}

/** In the words that podman and docker look for. */
function missingText(name: string): string {
  return name.includes("/") ? "no such file or directory in the container" : "executable file not found in $PATH";
}

function codeOf(step: string): RuntimeErrorCode {
  return step === "cgroup" ? "CGROUP_FAILED" : "LAUNCH_FAILED";
}
