/** --storage-opt is refused as docker refuses it, with what is found on this machine. */
import { expect, test } from "vitest";
import { storageOptRefusal } from "../../cli/containers/storage-opt.ts";
import { runStrata } from "../support/cli.ts";
import { temporaryRoot } from "../support/root.ts";

const ROOT = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw";
const refusal = "--storage-opt is supported only for overlay over xfs with 'pquota' mount option";

const rows = [
  { name: "the root's file system", root: "/none/here", mounts: [ROOT], says: `${refusal}: /none/here is on ext4, mounted on / without it` },
  {
    name: "the nearest mount, not one whose name only begins alike",
    root: "/proc",
    mounts: [ROOT, "23 22 0:5 / /pro rw - xfs x rw", "24 22 0:6 / /proc rw - proc proc rw"],
    says: "/proc is on proc, mounted on /proc without it",
  },
  {
    name: "of two on one point the last",
    root: "/proc",
    mounts: ["24 22 0:6 / /proc rw - xfs x rw,prjquota", "25 24 0:7 / /proc rw - tmpfs x rw"],
    says: "is on tmpfs",
  },
  { name: "xfs with quotas for users alone", root: "/proc", mounts: ["24 22 0:6 / /proc rw - xfs x rw,usrquota"], says: `${refusal}: /proc is on xfs` },
  ...["pquota", "prjquota"].map((option) => ({
    name: `a file system with ${option}`,
    root: "/proc",
    mounts: [ROOT, `24 22 0:6 / /proc rw - xfs x rw,attr2,${option},noquota`],
    says: "Cannot take --storage-opt: /proc is on xfs, mounted on /proc with project quotas, but strata sets none",
  })),
];
test.each(rows)("names $name", ({ root, mounts, says }) => {
  const { status, message } = storageOptRefusal(root, `${mounts.join("\n")}\n`);
  expect([status, message]).toEqual([125, expect.stringContaining(says)]);
});

test.each(["run", "create"])("%s ends with 125 and makes nothing", async (verb) => {
  using root = temporaryRoot();
  const { status, stdout, stderr } = await runStrata(root, [verb, "--storage-opt", "size=1G", "local/none"]);
  expect([status, stdout]).toEqual([125, ""]);
  expect(stderr).toContain(`${root.root} is on `);
  expect((await runStrata(root, ["ps", "-aq"])).stdout).toBe("");
});
