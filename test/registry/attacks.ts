/** What misleads servers: bytes that one takes for one request and another for two, and paths that leave their place. */

const victim = "DELETE /v2/victim/manifests/v1 HTTP/1.1\r\nhost: localhost\r\n\r\n";
const head = "POST /v2/victim/blobs/uploads/ HTTP/1.1\r\nhost: localhost\r\n";
export const SMUGGLED = [
  { name: "a length beside chunks", bytes: `${head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${victim}` },
  { name: "chunks beside a length", bytes: `${head}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n${victim}` },
  { name: "two lengths", bytes: `${head}content-length: 0\r\ncontent-length: ${victim.length}\r\n\r\n${victim}` },
  { name: "two lengths in one", bytes: `${head}content-length: 0, ${victim.length}\r\n\r\n${victim}` },
  { name: "a length with a sign", bytes: `${head}content-length: +0\r\n\r\n${victim}` },
  { name: "a length in hexadecimal", bytes: `${head}content-length: 0x0\r\n\r\n${victim}` },
  { name: "an encoding that is none", bytes: `${head}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n${victim}` },
  { name: "chunks that are not last", bytes: `${head}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n${victim}` },
  { name: "a folded header", bytes: `${head}x-a: b\r\n transfer-encoding: chunked\r\ncontent-length: 0\r\nx: y\r\n z\r\n\r\n${victim}` },
  { name: "a space before the colon", bytes: `${head}content-length : 0\r\n\r\n${victim}` },
  { name: "bare line feeds", bytes: `${head.replaceAll("\r\n", "\n")}content-length: 0\n\n${victim}` },
  { name: "a bare carriage return", bytes: `${head}x-a: b\rcontent-length: 0\r\n\r\n${victim}` },
  { name: "a NUL in a header", bytes: `${head}x-a: b\0c\r\ncontent-length: 0\r\n\r\n${victim}` },
  { name: "a chunk without an end", bytes: `${head}transfer-encoding: chunked\r\n\r\n3\r\nabcX\r\n0\r\n\r\n${victim}` },
  { name: "a chunk larger than numbers are", bytes: `${head}transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n${victim}` },
  { name: "chunk extensions without end", bytes: `${head}transfer-encoding: chunked\r\n\r\n1;${"x".repeat(40_000)}\r\na\r\n0\r\n\r\n${victim}` },
  { name: "an end before the last request", bytes: `GET /v2/none/manifests/v1 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n${victim}` },
  { name: "no host", bytes: `POST /v2/victim/blobs/uploads/ HTTP/1.1\r\ncontent-length: 0\r\n\r\n${victim}` },
];

const up = "..%2f..%2f..%2f..%2fetc%2fpasswd";
export const PATHS: readonly { readonly path: string; readonly name: string }[] = [
  "/v2/../../../../etc/passwd",
  "/v2/%2e%2e/%2e%2e/etc/passwd/manifests/v1",
  "/v2/a/../victim/manifests/v1",
  "/v2/a%2f..%2fvictim/manifests/v1",
  "/v2/victim%00/manifests/v1",
  "/v2/victim/manifests/v1%00",
  "/v2//victim/manifests/v1",
  "/v2/victim//manifests/v1",
  "/v2/./victim/manifests/v1",
  `/v2/victim/manifests/${up}`,
  `/v2/victim/blobs/${up}`,
  `/v2/victim/blobs/sha256:${up}`,
  `/v2/victim/blobs/uploads/${up}`,
  "/v2/victim/blobs/uploads/%2e%2e",
  "/v2/victim/referrers/%2e%2e",
  "/v2/victim/tags/list/..",
  "/v2/%zz/tags/list",
  "/%",
  "/..%2f..%2fetc/passwd",
  "//v2/victim/manifests/v1",
  "\\v2\\victim\\manifests\\v1",
  `/v2/${"a/".repeat(6_000)}b/manifests/v1`,
  `/v2/${"a".repeat(100_000)}/manifests/v1`,
].map((path) => ({ path, name: path.length > 100 ? `of ${path.length} letters` : path }));
