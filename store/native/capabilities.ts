/** security.capability of files, which Node cannot read. */
import { encodeName } from "../file-names.ts";
import { pipeTreeTool } from "./tree-tool.ts";

/** In the order of the paths; empty where there is none. @throws {StoreError} `NATIVE_FAILED` */
export async function readCapabilities(treeTool: string, paths: readonly string[]): Promise<readonly Buffer[]> {
  const chunks: Buffer[] = [];
  await pipeTreeTool(treeTool, ["capabilities"], [encodeName(paths.map((path) => `${path}\0`).join(""))], (chunk) => chunks.push(chunk));
  const bytes = Buffer.concat(chunks);
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + bytes.readUInt32LE(at);
    found.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return found;
}
