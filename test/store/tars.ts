/** Tars made by hand: whatever a hostile or careless writer may put into one. */
import { encodeHeader, paddingOf, type TarHeader } from "../../store/tar/header.ts";

export interface Member extends Partial<Omit<TarHeader, "size">> {
  readonly name: string;
  readonly text?: string;
  /** Overrides the type flag. */
  readonly flag?: string;
}

export function tarOf(...members: readonly Member[]): Buffer {
  return Buffer.concat([...members.map(memberBytes), Buffer.alloc(1024)]);
}

function memberBytes({ text = "", flag, ...header }: Member): Buffer {
  const content = Buffer.from(text);
  const bytes = encodeHeader({ mode: 0o644, uid: 0, gid: 0, mtime: 1000, type: "file", ...header, size: content.length });
  if (flag !== undefined) reflag(bytes, flag);
  return Buffer.concat([bytes, content, Buffer.alloc(paddingOf(content.length))]);
}

/** Another type flag in the last block, and its checksum. */
function reflag(bytes: Buffer, flag: string): void {
  const block = bytes.subarray(-512);
  block.write(flag, 156, "latin1");
  block.fill(" ", 148, 156);
  block.write(
    `${block
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0")}\0 `,
    148,
    "latin1",
  );
}

/** A PAX header as a member of its own. */
export function paxMember(records: Readonly<Record<string, string>>): Member {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    let length = rest.length + 1;
    while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
    return `${length}${rest}`;
  });
  return { name: "PaxHeaders.0", text: lines.join(""), flag: "x" };
}
