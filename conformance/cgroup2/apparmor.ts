/** Runs in the machine, whose kernel runs AppArmor: profiles of containers, of what is executed in them, of hooks. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { attempt, detach, IMAGE, importImage, makeBundle, strata, strataRuntime } from "./programs.ts";
import { part, type Say } from "./say.ts";

const PROFILE = "strata-check";
const OWN = "/proc/self/attr/current";
const CONFINED = ["--security-opt", `apparmor=${PROFILE}`];

function load(say: Say): void {
  importImage();
  say("modules of the kernel", "apparmor among them", readFileSync("/sys/kernel/security/lsm", "utf8").includes("apparmor") ? "apparmor among them" : "");
  const { status, stderr } = spawnSync("apparmor_parser", ["--replace", "--skip-cache", "/etc/apparmor.profile"], { encoding: "utf8" });
  say("apparmor_parser", "0", status === 0 ? "0" : `${String(status)} ${stderr}`);
  say("strata info", "name=apparmor", /name=apparmor/.exec(strata("info", "--format", "{{json .SecurityOptions}}"))?.[0] ?? "");
}

function run(say: Say): void {
  const once = (flags: readonly string[], ...command: readonly string[]): string => strata("run", "--rm", "--network", "none", ...flags, IMAGE, ...command);
  say("run --security-opt apparmor=PROFILE: attr/current", `${PROFILE} (enforce)`, once(CONFINED, "cat", OWN));
  const denied = attempt("strata", "run", "--rm", "--network", "none", ...CONFINED, IMAGE, "cat", "/secret");
  say("a file that the profile denies", "1: Permission denied", `${String(denied.status)}: ${/Permission denied/.exec(denied.said)?.[0] ?? denied.said}`);
  say("another", "other", once(CONFINED, "cat", "/other"));
  say(
    "with no-new-privileges, as another user",
    `${PROFILE} (enforce)`,
    once([...CONFINED, "--security-opt", "no-new-privileges", "--user", "1000"], "cat", OWN),
  );
  say("with --init", `${PROFILE} (enforce)`, once([...CONFINED, "--init"], "cat", "/proc/1/attr/current"));
  say("apparmor=unconfined", "unconfined; secret", once(["--security-opt", "apparmor=unconfined"], "sh", "-c", `cat ${OWN} /secret`).replaceAll("\n", "; "));
  say("--privileged", "unconfined", once(["--privileged"], "cat", OWN));
  say("--privileged with a profile", `${PROFILE} (enforce)`, once([...CONFINED, "--privileged"], "cat", OWN));
  const unknown = attempt("strata", "run", "--name", "unknown", "--security-opt", "apparmor=nowhere", IMAGE, "true");
  const why = /Cannot apply the AppArmor profile "nowhere": it is not loaded/.exec(unknown.said)?.[0] ?? unknown.said;
  say("a profile that is not loaded", '125: Cannot apply the AppArmor profile "nowhere": it is not loaded', `${String(unknown.status)}: ${why}`);
  strata("rm", "--force", "unknown");
}

function exec(say: Say): void {
  strata("run", "-d", "--name", "confined", ...CONFINED, IMAGE, "sleep", "1000");
  say("exec in it: attr/current", `${PROFILE} (enforce)`, strata("exec", "confined", "cat", OWN));
  const denied = attempt("strata", "exec", "confined", "cat", "/secret");
  say("the denied file, read by exec", "1: Permission denied", `${String(denied.status)}: ${/Permission denied/.exec(denied.said)?.[0] ?? denied.said}`);
  say("exec --privileged", `${PROFILE} (enforce)`, strata("exec", "--privileged", "confined", "cat", OWN));
  say("inspect", `${PROFILE} [apparmor=${PROFILE}]`, strata("inspect", "--format", "{{.AppArmorProfile}} {{.HostConfig.SecurityOpt}}", "confined"));
  strata("restart", "--time", "0", "confined");
  const pid = strata("inspect", "--format", "{{.State.Pid}}", "confined");
  say("after a restart", `${PROFILE} (enforce)`, readFileSync(`/proc/${pid}/attr/current`, "utf8").trim());
  strata("rm", "--force", "confined");
}

function runtime(say: Say): void {
  const confined = (profile: string, args: readonly string[]): string =>
    makeBundle("confined", args, (spec) => ({
      ...spec,
      ...(spec.process !== undefined && { process: { ...spec.process, apparmorProfile: profile } }),
      hooks: { createContainer: [{ path: "/bin/busybox", args: ["sh", "-c", `cat ${OWN} > /tmp/hook`] }] },
    }));
  say("process.apparmorProfile of a bundle", `${PROFILE} (enforce)`, strataRuntime("run", "--bundle", confined(PROFILE, ["cat", OWN]), "once"));
  say("its createContainer hook, a program of the machine's", "unconfined", readFileSync("/tmp/hook", "utf8").trim());
  detach(confined(PROFILE, ["sleep", "1000"]), "stays");
  say("strata-runtime exec", `${PROFILE} (enforce)`, strataRuntime("exec", "stays", "cat", OWN));
  say("exec --apparmor of another", "strata-other (enforce)", strataRuntime("exec", "--apparmor", "strata-other", "stays", "cat", OWN));
  const { status, said } = attempt("strata-runtime", "exec", "--apparmor", "nowhere", "stays", "true");
  say(
    "exec --apparmor of one that is not loaded",
    "refused by its name",
    status !== 0 && /profile "nowhere": it is not loaded/.test(said) ? "refused by its name" : said,
  );
  strataRuntime("delete", "--force", "stays");
  say("apparmorProfile unconfined", "unconfined", strataRuntime("run", "--bundle", confined("unconfined", ["cat", OWN]), "free"));
  const gone = attempt("strata-runtime", "run", "--bundle", confined("nowhere", ["true"]), "none");
  say(
    "apparmorProfile that is not loaded",
    "refused by its name",
    gone.status !== 0 && /profile "nowhere": it is not loaded/.test(gone.said) ? "refused by its name" : gone.said,
  );
  say("what is left of it", "", strataRuntime("list", "--quiet"));
}

function absent(say: Say): void {
  const labelled = (change: Parameters<typeof makeBundle>[2]): string =>
    attempt("strata-runtime", "run", "--bundle", makeBundle("labelled", ["true"], change), "labelled").said;
  const process = labelled((spec) => ({ ...spec, ...(spec.process !== undefined && { process: { ...spec.process, selinuxLabel: "a:b:c" } }) }));
  say(
    "process.selinuxLabel where SELinux does not run",
    'SELinux label "a:b:c": SELinux is not enabled',
    /SELinux label "a:b:c": SELinux is not enabled/.exec(process)?.[0] ?? process,
  );
  const mount = labelled((spec) => ({ ...spec, linux: { ...spec.linux, mountLabel: "a:b:c" } }));
  say("linux.mountLabel there", "linux.mountLabel: SELinux is not enabled", /linux\.mountLabel: SELinux is not enabled/.exec(mount)?.[0] ?? mount);
}

await part("AppArmor", [load, run, exec, runtime, absent]);
