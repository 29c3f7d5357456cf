/** The pages that people browse. */
import { expect, test } from "vitest";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { blob, manifestOf, pushBlob, pushImage, putManifest, startRegistry } from "./registry.ts";

test("repositories, tags, an image, and an artifact's file by its type", async () => {
  await using registry = await startRegistry({ logFormat: "none" });
  await pushImage(registry, "team/app", "v1");
  const read = async (path: string): Promise<string> => await (await fetch(registry.url + path)).text();
  expect(await read("/")).toContain('<a href="/repository?name=team%2Fapp">team/app</a>');
  expect(await read("/repository?name=team/app")).toContain("reference=v1");
  expect(await read("/image?name=team/app&reference=v1")).toMatch(/<td>2000<\/td>/);
  expect((await fetch(`${registry.url}/repository?name=no/such`)).status).toBe(404);

  const page = blob("<b>hi</b>");
  const file = { ...page, descriptor: { ...page.descriptor, annotations: { "org.opencontainers.image.title": "<i>.html" } } };
  const config = blob("{}", MEDIA_TYPE.empty);
  for (const part of [file, config]) await pushBlob(registry, "files", part);
  expect((await putManifest(registry, "files", "v1", manifestOf(config, [file]))).status).toBe(201);
  expect(await read("/image?name=files&reference=v1")).toContain("&#60;i&#62;.html</a>");
  const got = await fetch(`${registry.url}/file?name=files&reference=v1&title=${encodeURIComponent("<i>.html")}`);
  expect([got.headers.get("content-type"), got.headers.get("content-disposition"), await got.text()]).toEqual([
    "text/html; charset=utf-8",
    "attachment",
    "<b>hi</b>",
  ]);
  expect(got.headers.get("content-security-policy")).toContain("sandbox");
  expect((await fetch(`${registry.url}/style.css`)).headers.get("content-type")).toBe("text/css; charset=utf-8");
});
