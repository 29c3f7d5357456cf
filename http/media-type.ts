/** Content type of a file by its name; `mime` is loaded when the first one is asked for. */

export async function mediaTypeOf(path: string): Promise<string> {
  const { default: mime } = await import("mime");
  const type = mime.getType(path) ?? "application/octet-stream";
  return type.startsWith("text/") || type === "application/json" ? `${type}; charset=utf-8` : type;
}
