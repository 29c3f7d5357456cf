/** `Name: value` records with continuation lines, as dpkg's status and Python's METADATA have them. Spec: Debian policy 5.1; RFC 822. */

export type Fields = ReadonlyMap<string, string>;

/** Names in lower case; of a field given twice, the first. Stops at the first empty line. */
export function parseFields(paragraph: string): Fields {
  const fields = new Map<string, string>();
  let last = "";
  for (const line of paragraph.split("\n")) {
    if (line.trim() === "") break;
    if (/^[ \t]/.test(line)) {
      const before = fields.get(last);
      if (before !== undefined) fields.set(last, `${before}\n${line.trim()}`);
      continue;
    }
    const colon = line.indexOf(":");
    last = colon < 1 ? "" : line.slice(0, colon).toLowerCase();
    if (last === "" || fields.has(last)) last = "";
    else fields.set(last, line.slice(colon + 1).trim());
  }
  return fields;
}

export function paragraphs(text: string): readonly string[] {
  return text
    .replaceAll("\r\n", "\n")
    .split(/\n[ \t]*\n/)
    .map((paragraph) => paragraph.replace(/^\n+/, ""))
    .filter((paragraph) => paragraph.trim() !== "");
}
