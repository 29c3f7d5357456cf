/** Asks a server the gRPC health question. Spec: grpc/doc/health-checking.md; grpc/doc/PROTOCOL-HTTP2.md. */
import { connect, constants, type ClientHttp2Session, type IncomingHttpHeaders } from "node:http2";
import type { Verdict } from "./verdict.ts";
import { messageOf } from "../../errors.ts";

export interface GrpcTarget {
  readonly host: string;
  readonly port: number;
  /** Empty asks for the server as a whole. */
  readonly service?: string;
}

const PATH = "/grpc.health.v1.Health/Check";
const SERVING = 1;
const STATUS: readonly string[] = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
const CODE_OK = "0";
const CODE_UNIMPLEMENTED = "12";
/** Length prefix of a message: a flag for compression, then a 32 bit size. */
const PREFIX_BYTES = 5;
/** More than any answer to the question has. */
const MAX_BODY_BYTES = 4096;

export async function checkGrpcHealth(target: GrpcTarget, timeout: number, signal: AbortSignal): Promise<Verdict> {
  const { host, port } = target;
  const session = connect(`http://${host}:${port}`);
  try {
    const answer = await ask(session, target.service ?? "", signal);
    return judge(answer);
  } catch (error) {
    const why = signal.aborted ? "context deadline exceeded" : messageOf(error);
    return { ok: false, message: `timeout: failed to connect service "${host}:${port}" within ${timeout / 1000}s: ${why}` };
  } finally {
    session.destroy();
  }
}

interface Answer {
  readonly code: string;
  readonly message: string;
  readonly body: Buffer;
}

async function ask(session: ClientHttp2Session, service: string, signal: AbortSignal): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    session.on("error", reject);
    const stream = session.request(
      { ":method": "POST", ":path": PATH, "content-type": "application/grpc", te: "trailers", "user-agent": "kube-probe/1.33" },
      { signal },
    );
    let headers: IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];
    let bytes = 0;
    const keep = (more: IncomingHttpHeaders): void => void (headers = { ...headers, ...more });
    stream.once("response", keep).once("trailers", keep).once("error", reject);
    stream.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) stream.destroy(new Error(`the answer is longer than ${MAX_BODY_BYTES} bytes`));
    });
    stream.once("close", () => {
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) reject(new Error(`stream reset with code ${stream.rstCode}`));
      const text = (name: string): string => String(headers[name] ?? "");
      resolve({ code: text("grpc-status"), message: decodeMessage(text("grpc-message")), body: Buffer.concat(chunks) });
    });
    stream.end(encodeRequest(service));
  });
}

/** The container wrote it: what is not well encoded stays as it came. */
function decodeMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** HealthCheckRequest { string service = 1 } */
function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service);
  const message = name.length === 0 ? name : Buffer.concat([Buffer.of(0x0a, ...varint(name.length)), name]);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

function varint(value: number): readonly number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >> 7)];
}

/** HealthCheckResponse { ServingStatus status = 1 } */
function judge({ code, message, body }: Answer): Verdict {
  if (code === CODE_UNIMPLEMENTED)
    return { ok: false, message: `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${message}` };
  if (code !== CODE_OK) return { ok: false, message: `error: health rpc probe failed: rpc error: code = ${code} desc = ${message}` };
  const [tag, value = 0] = body.subarray(PREFIX_BYTES);
  const status = tag === 0x08 ? value : 0;
  return status === SERVING ? { ok: true } : { ok: false, message: `service unhealthy (responded with "${STATUS[status] ?? status}")` };
}
