/** Who speaks HTTP where TLS is spoken is told so, in HTTP, as Go's servers do. */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

const SAID = "Client sent an HTTP request to an HTTPS server.\n";
const ANSWER = `HTTP/1.0 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: ${SAID.length}\r\n\r\n${SAID}`;

/** Node's own: the connection that the handshake failed on, still open. */
type Failed = TLSSocket & { readonly _parent?: Socket | null };

/** For `tlsClientError`: the request was read as a handshake, so nothing of it is acted on. */
export function refusePlain(error: NodeJS.ErrnoException, failed: TLSSocket): void {
  const connection = (failed as Failed)._parent;
  if (error.code !== "ERR_SSL_HTTP_REQUEST" || connection?.writable !== true) return;
  connection.on("error", () => {}); // it may be gone already
  connection.end(ANSWER, () => connection.destroy());
}
