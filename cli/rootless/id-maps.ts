/** Pure: the ids that a user's containers have. Spec: subuid(5), newuidmap(1), user_namespaces(7). */

export interface User {
  readonly id: number;
  readonly name: string;
}

/** `[first id inside, first id outside, how many]`: root inside is the user, what follows are the ranges that /etc/subuid gives them. */
export type IdMap = readonly (readonly [inside: number, outside: number, size: number])[];

/** @param subordinate text of /etc/subuid or /etc/subgid @param own the user's own id of that kind */
export function idMap(subordinate: string, user: User, own: number): IdMap {
  const ranges = subordinate.split("\n").flatMap((line) => {
    const [owner, start, count] = line.trim().split(":");
    const isTheirs = owner === user.name || owner === String(user.id);
    return isTheirs && isCount(start) && isCount(count) ? [[Number(start), Number(count)] as const] : [];
  });
  let inside = 1;
  return [
    [0, own, 1],
    ...ranges.map(([start, count]) => {
      inside += count;
      return [inside - count, start, count] as const;
    }),
  ];
}

/** How many ids there are beside root. */
export function spare(map: IdMap): number {
  return map.slice(1).reduce((sum, [, , size]) => sum + size, 0);
}

function isCount(text: string | undefined): boolean {
  return text !== undefined && /^[1-9]\d*$/.test(text);
}
