/** Volumes, binds and tmpfs by the commands that users know, and what stays of them. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";

const IMAGE = "local/filled";

vi.setConfig({ testTimeout: 180_000 }); // every step is a command of its own, and machines are busy

let box: Box;
let folder: string;
beforeAll(async () => {
  box = await openBox("sh cat ls rm mkdir sleep echo stat grep true");
  folder = mkdtempSync(join(tmpdir(), "strata-test-"));
  mkdirSync(join(folder, "content/deep"), { recursive: true });
  writeFileSync(join(folder, "content/deep/file"), "of the image\n", { mode: 0o640 });
  writeFileSync(join(folder, "Dockerfile"), "FROM local/box\nCOPY --chown=7:8 content /content\nVOLUME /content\n");
  await box.strata("build", "--quiet", "--tag", IMAGE, folder);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await box[Symbol.asyncDispose]();
});

async function volumes(...flags: readonly string[]): Promise<readonly string[]> {
  return (await box.strata("volume", "ls", "--quiet", ...flags)).split("\n").filter((name) => name !== "");
}

describe("a named volume", () => {
  test("is filled from the image once, with owners and modes, and outlives its containers", async () => {
    expect(
      await box.shell(["-v", "filled:/content"], "cat /content/deep/file; stat -c '%u:%g %a' /content/deep/file; echo changed > /content/deep/file", IMAGE),
    ).toBe("of the image\n7:8 640");
    expect(await volumes()).toContain("filled");
    expect(await box.shell(["-v", "filled:/content"], "cat /content/deep/file", IMAGE)).toBe("changed");
    expect(await box.shell(["-v", "unfilled:/content:nocopy"], "ls /content", IMAGE)).toBe("");
    await box.strata("volume", "rm", "filled", "unfilled");
    expect(await volumes()).toEqual([]);
  });

  test("is shared by two containers at once, also by --volumes-from, read-only where asked", async () => {
    const id = await box.strata("run", "-d", "--network", "none", "-v", "shared:/data", BOX_IMAGE, "sleep", "600");
    expect(await box.shell(["-v", "shared:/other"], "echo hello > /other/said")).toBe("");
    expect(await box.strata("exec", id, "cat", "/data/said")).toBe("hello");
    expect(await box.shell(["--volumes-from", id], "cat /data/said; echo back > /data/said")).toBe("hello");
    expect(await box.strata("exec", id, "cat", "/data/said")).toBe("back");
    const refused = await box.attempt("run", "--rm", "--network", "none", "--volumes-from", `${id}:ro`, BOX_IMAGE, "sh", "-c", "echo x > /data/said");
    expect(refused.stderr).toContain("Read-only file system");
    expect(await box.attempt("volume", "rm", "shared")).toMatchObject({
      status: 1,
      stderr: `strata: remove shared: volume is in use - [${id}]\n`,
    });
    await box.strata("rm", "-f", "-v", id);
    expect(await volumes()).toEqual(["shared"]); // -v takes anonymous ones only
    await box.strata("volume", "rm", "shared");
  });
});

describe("an anonymous volume", () => {
  test("is kept after rm and gone with rm -v and run --rm", async () => {
    const kept = await box.strata("create", "--network", "none", "-v", "/anonymous", IMAGE, "true");
    const [content, anonymous] = (JSON.parse(await box.strata("inspect", "--format", "{{json .Mounts}}", kept)) as readonly { readonly Name: string }[]).map(
      ({ Name }) => Name,
    );
    await box.strata("rm", kept);
    expect(new Set(await volumes())).toEqual(new Set([content, anonymous]));
    expect(await volumes("--filter", "dangling=true")).toHaveLength(2);
    const pruned = await box.strata("volume", "prune", "--force");
    expect(pruned).toMatch(/^Deleted Volumes:\n[0-9a-f]{64}\n[0-9a-f]{64}\n\nTotal reclaimed space: \d/);

    const gone = await box.strata("create", "--network", "none", IMAGE, "true");
    expect(await volumes()).toHaveLength(1);
    await box.strata("rm", "-v", gone);
    expect(await volumes()).toEqual([]);
    await box.shell([], "echo x > /content/x", IMAGE);
    expect(await volumes()).toEqual([]);
  });
});

describe("a bind", () => {
  test("is the host's folder or file, both ways, read-only where asked; a missing source of --mount is refused", async () => {
    const source = mkdtempSync(join(folder, "bind-"));
    writeFileSync(join(source, "file"), "host\n");
    expect(await box.shell(["-v", `${source}:/bound`], "cat /bound/file; echo inside > /bound/made")).toBe("host");
    expect(readFileSync(join(source, "made"), "utf8")).toBe("inside\n");
    expect(await box.shell(["-v", `${join(source, "file")}:/etc/one:ro`], "cat /etc/one; echo x 2>/dev/null > /etc/one || echo refused")).toBe("host\nrefused");
    const missing = ["--mount", `type=bind,source=${source}/absent,target=/x`];
    expect(await box.attempt("run", "--rm", ...missing, BOX_IMAGE, "true")).toMatchObject({
      status: 125,
      stderr: expect.stringContaining("no such file") as string,
    });
    expect(await box.shell(["-v", `${source}/made-for-it:/x`], "ls /x; echo there > /x/y")).toBe("");
    expect(readFileSync(join(source, "made-for-it/y"), "utf8")).toBe("there\n");
  });
});

test("a volume whose making or removing was killed half-way is listed, counted as nothing and removed", async () => {
  const volume = await box.strata("volume", "create", "half");
  rmSync(dirname(await box.strata("volume", "inspect", "--format", "{{.Mountpoint}}", volume)), { recursive: true });
  expect(await volumes()).toContain("half");
  expect(await box.strata("system", "df", "--verbose")).toMatch(/^half +0 +0B$/m);
  expect(await box.strata("volume", "prune", "--all", "--force")).toContain("half");
  expect(await volumes()).not.toContain("half");
});

test("a tmpfs has its size and mode, and nothing of it stays", async () => {
  const id = await box.strata(
    "create",
    "--network",
    "none",
    "--tmpfs",
    "/fast:size=1m,mode=700",
    BOX_IMAGE,
    "sh",
    "-c",
    "grep ' /fast ' /proc/mounts; ls -A /fast; echo x > /fast/x",
  );
  expect(await box.strata("start", "--attach", id)).toMatch(/^tmpfs \/fast tmpfs rw,.*size=1024k,mode=700/);
  expect(await box.strata("start", "--attach", id)).not.toContain("\nx");
  expect(await box.strata("diff", id)).toBe("");
  await box.strata("rm", id);
});

test("volume create, ls, inspect and rm print what docker prints", async () => {
  expect(await box.strata("volume", "create", "--label", "of=test", "mine")).toBe("mine");
  expect(await box.strata("volume", "create", "mine")).toBe("mine");
  expect(await box.strata("volume", "ls")).toBe("DRIVER    VOLUME NAME\nlocal     mine");
  expect(await box.strata("volume", "ls", "--filter", "label=of=test", "--format", "{{.Name}} {{.Driver}} {{.Mountpoint}}")).toBe(
    `mine local ${join(box.root.root, "volumes/mine/_data")}`,
  );
  expect(await volumes("--filter", "dangling=false")).toEqual([]);
  expect(JSON.parse(await box.strata("volume", "inspect", "mine"))).toEqual([
    {
      CreatedAt: expect.any(String) as string,
      Driver: "local",
      Labels: { of: "test" },
      Mountpoint: join(box.root.root, "volumes/mine/_data"),
      Name: "mine",
      Options: null,
      Scope: "local",
    },
  ]);
  expect(await box.strata("volume", "prune", "--force")).toMatch(/^Total reclaimed space: 0B$/); // a named one stays
  expect(await box.strata("volume", "rm", "mine")).toBe("mine");
  expect(await box.attempt("volume", "inspect", "mine")).toMatchObject({ status: 1 });
  expect(await box.strata("volume", "rm", "--force", "mine")).toBeDefined();
});
