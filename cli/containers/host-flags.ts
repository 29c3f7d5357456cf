/** `--add-host` and `--dns`, refused before anything is made: a line of /etc/hosts that no resolver reads would tell nobody. */
import { UsageError } from "../errors.ts";

const ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f.]*:[0-9a-f:.]*(?:%\w+)?)$/i;

/** @throws {UsageError} in docker's words */
export function checkHosts(lines: readonly string[]): readonly string[] {
  const bad = lines.find((line) => !/^[^:=]+[:=].+$/.test(line));
  if (bad !== undefined) throw new UsageError(`invalid argument "${bad}" for "--add-host" flag: bad format for add-host: "${bad}"`);
  return lines;
}

/** @throws {UsageError} in docker's words */
export function checkServers(addresses: readonly string[]): readonly string[] {
  const bad = addresses.find((address) => !ADDRESS.test(address));
  if (bad !== undefined) throw new UsageError(`invalid argument "${bad}" for "--dns" flag: ${bad} is not an ip address`);
  return addresses;
}
