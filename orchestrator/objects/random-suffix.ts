/** Five letters that make a name unlikely to be taken, and spell no words. */
import { randomInt } from "node:crypto";

const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";
const LENGTH = 5;

export function randomSuffix(): string {
  return Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
}
