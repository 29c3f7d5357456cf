import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openLab } from "./lab.ts";

const F = "file 644 0:0";

test("ADD downloads from loopback with mode, name and checksum", async () => {
  await using lab = await openLab();
  const server = createServer((request, response) => {
    if (request.url === "/moved") response.writeHead(302, { location: "/dir/file.txt?x=1" }).end();
    else if (request.url?.startsWith("/dir/file.txt") === true) response.writeHead(200, { "last-modified": "Tue, 01 Jan 1974 00:00:00 GMT" }).end("content");
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const address = server.address();
    const base = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
    const digest = "sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73";
    const { files, result } = await lab.build(`FROM scratch\nADD ${base}/moved /n/\nADD --checksum=${digest} --chmod=644 ${base}/dir/file.txt /m\n`);
    expect(files).toMatchObject({ "n/moved": "file 600 0:0 content", m: `${F} content` });
    expect((await lab.layers(result))[1]?.[0]?.mtime).toBe(Date.UTC(1974, 0, 1) / 1000);
    await expect(lab.build(`FROM scratch\nADD --checksum=sha256:00 ${base}/dir/file.txt /m\n`)).rejects.toMatchObject({ code: "FLAG_INVALID" });
    await expect(lab.build(`FROM scratch\nADD ${base}/none /m\n`)).rejects.toMatchObject({ message: expect.stringContaining("404") as string });
  } finally {
    server.close();
  }
});

test("ADD of archives, files, URLs and heredocs: the last one written wins, heredocs after all", async () => {
  await using lab = await openLab();
  const folder = lab.context({ "file/f": "plain" });
  mkdirSync(join(folder, "t"));
  writeFileSync(join(folder, "t/f"), "archive");
  execFileSync("tar", ["-cf", join(folder, "x.tar"), "-C", join(folder, "t"), "f"]);
  const server = createServer((_, response) => response.end("remote"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/f`;
    const rows = [
      ["x.tar file/f", "plain"],
      ["file/f x.tar", "archive"],
      [`x.tar ${url}`, "remote"],
      [`${url} x.tar`, "archive"],
      [`${url} file/f`, "plain"],
      [`x.tar file/f ${url}`, "remote"],
      [`${url} file/f x.tar`, "archive"],
    ] as const;
    for (const [sources, wanted] of rows) {
      const { files } = await lab.build(`FROM scratch\nADD ${sources} /n/\n`);
      expect([sources, files["n/f"]?.split(" ").at(-1)]).toEqual([sources, wanted]);
    }
    const { files } = await lab.build(`FROM scratch\nADD <<f x.tar ${url} /n/\nheredoc\nf\n`);
    expect(files["n/f"]).toBe(`${F} heredoc\n`);
  } finally {
    server.close();
  }
});
