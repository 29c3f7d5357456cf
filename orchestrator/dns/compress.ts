/** Shortens a message whose records repeat the name that was asked: a pointer stands for it. Spec: RFC 1035, 4.1.4. */

const HEADER_BYTES = 12;
/** To the first name of a message. */
const POINTER = Buffer.from([0xc0, HEADER_BYTES]);

/** `message`: of one question, and with no pointers in it. */
export function compress(message: Buffer): Buffer {
  if (message.readUInt16BE(4) !== 1) return message;
  const question = message.subarray(HEADER_BYTES, nameEnd(message, HEADER_BYTES));
  let at = HEADER_BYTES + question.length + 4; /* type and class */
  const parts: Buffer[] = [message.subarray(0, at)];
  while (at < message.length) {
    const start = nameEnd(message, at);
    const end = start + 10 + message.readUInt16BE(start + 8); /* type, class, time to live, length, data */
    parts.push(message.subarray(at, start).equals(question) ? POINTER : message.subarray(at, start), message.subarray(start, end));
    at = end;
  }
  return Buffer.concat(parts);
}

function nameEnd(message: Buffer, start: number): number {
  let at = start;
  for (let length = message.readUInt8(at); length !== 0; length = message.readUInt8(at)) at += 1 + length;
  return at + 1;
}
