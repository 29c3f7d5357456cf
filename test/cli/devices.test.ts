/** run --device: what a container may do with a node of this machine, by the device cgroup and not by the node's mode; refusals in docker's words. */
import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { deviceNumbers, parseDevice } from "../../runtime/engine/devices.ts";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";

vi.setConfig({ testTimeout: 60_000 });

/** No container may use it unless told, and opening it does nothing. */
const DEVICE = ["/dev/loop-control", "/dev/fuse", "/dev/net/tun"].find((path) => lstatSync(path, { throwIfNoEntry: false })?.isCharacterDevice() === true);

let box: Box;
beforeAll(async () => {
  box = await openBox("sh ls mknod true");
});
afterAll(async () => await box[Symbol.asyncDispose]());

/** Each in a shell of its own: one that cannot redirect ends. */
const USES = "try() { (eval \"$2\") 2>/dev/null && echo \"$1\"; }; try read ': < /dev/mine'; try write ': > /dev/mine'; try both ': <> /dev/mine'; true";

describe.runIf(DEVICE !== undefined)("a device of this machine", () => {
  const { major, minor } = deviceNumbers(lstatSync(DEVICE ?? "/dev/null").rdev);

  test.each([
    { access: ":r", want: ["read"] },
    { access: ":w", want: ["write"] },
    { access: ":rw", want: ["read", "write", "both"] },
    { access: "", want: ["read", "write", "both"] },
    { access: ":m", want: [] },
  ])("with access $access can be used for: $want", async ({ access, want }) => {
    expect((await box.shell(["--device", `${DEVICE}:/dev/mine${access}`], USES)).split("\n").filter((line) => line !== "")).toEqual(want);
  });

  test("without it a node of that number is made, and not opened", async () => {
    expect(await box.shell([], `mknod /dev/mine c ${major} ${minor}; ${USES}; ls /dev/mine`)).toBe("/dev/mine");
  });

  test("the rule is for the number: another node of it gives no more", async () => {
    const script = `mknod /other c ${major} ${minor}; : < /other && echo read; (: > /other) || true`;
    const { stdout, stderr } = await box.attempt("run", "--rm", "--network", "none", "--device", `${DEVICE}:/dev/mine:r`, BOX_IMAGE, "sh", "-c", script);
    expect([stdout, stderr]).toEqual(["read\n", expect.stringMatching(/cannot create \/other: Operation not permitted/)]);
  });

  test("it is told by inspect, has its own name, mode and owner, and is there again after a restart", async () => {
    const folder = join(box.root.root, "links");
    mkdirSync(folder);
    symlinkSync(DEVICE ?? "", join(folder, "link"));
    const id = await box.strata("create", "--network", "none", "--device", `${join(folder, "link")}:r`, BOX_IMAGE, "ls", "-ln", join(folder, "link"));
    expect(JSON.parse(await box.strata("inspect", "-f", "{{json .HostConfig.Devices}}", id))).toEqual([
      { PathOnHost: join(folder, "link"), PathInContainer: join(folder, "link"), CgroupPermissions: "r" },
    ]);
    const [mode = ""] = execFileSync("ls", ["-ln", DEVICE ?? ""], { encoding: "utf8" }).split(" ");
    for (let times = 0; times < 2; times++)
      expect(await box.strata("start", "-a", id)).toMatch(new RegExp(`^${mode} +1 +0 +0 +${major}, +${minor} .*${join(folder, "link")}$`));
  });

  test("a folder stands for the devices anywhere in it, and what is none is passed over", async () => {
    const folder = join(box.root.root, "folder");
    mkdirSync(join(folder, "deeper"), { recursive: true });
    writeFileSync(join(folder, "file"), "");
    symlinkSync("deeper/node", join(folder, "link"));
    execFileSync("mknod", [join(folder, "deeper/node"), "c", String(major), String(minor)]);
    expect(await box.shell(["--device", `${folder}:/dev/some:r`], "cd /dev/some; ls -R . && : < deeper/node && echo read")).toBe(
      ".:\ndeeper\n\n./deeper:\nnode\nread",
    );
  });
});

describe("refused", () => {
  test.each([
    { name: "what is not there", path: () => "/dev/absent", state: "no such file or directory" },
    { name: "what is no device", path: () => join(box.root.root, "blobs"), state: "not a device node" },
  ])("$name, as docker does: the container stays and can be looked at", async ({ path, state }) => {
    const words = `error gathering device information while adding custom device ${JSON.stringify(path())}: ${state}`;
    expect(await box.attempt("run", "--name", "refused", "--network", "none", "--device", path(), BOX_IMAGE, "true")).toEqual({
      status: 125,
      stdout: "",
      stderr: `strata: ${words}\n`,
    });
    expect(await box.strata("inspect", "-f", "{{.State.Status}}", "refused")).toBe("created");
    await box.strata("rm", "refused");
  });
});

test.each([
  { flag: "/dev/a", want: { source: "/dev/a", target: "/dev/a", access: "rwm" } },
  { flag: "/dev/a:rw", want: { source: "/dev/a", target: "/dev/a", access: "rw" } },
  { flag: "/dev/a:/dev/b", want: { source: "/dev/a", target: "/dev/b", access: "rwm" } },
  { flag: "/dev/a:/dev/b:m", want: { source: "/dev/a", target: "/dev/b", access: "m" } },
])("--device $flag", ({ flag, want }) => expect(parseDevice(flag)).toEqual(want));
test.each([
  { flag: "/dev/a:/dev/b:rx", words: "bad mode specified: rx" },
  { flag: "/dev/a:/dev/b:", words: "bad mode specified: " },
  { flag: "/dev/a:dev/b", words: "dev/b is not an absolute path" },
  { flag: ":/dev/b", words: "bad format for path: :/dev/b" },
  { flag: "/dev/a:/b:r:x", words: "bad format for path: /dev/a:/b:r:x" },
])("--device $flag is refused", ({ flag, words }) => expect(() => parseDevice(flag)).toThrow(words));
