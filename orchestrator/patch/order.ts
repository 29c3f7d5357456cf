/** Orders a merged list: what the patch names in its order, what only the server has kept next to its old neighbours. */
export function arrange<T>(items: readonly T[], order: readonly string[], identify: (item: T) => string): T[] {
  const rank = new Map(order.map((id, index) => [id, index]));
  const named = items.filter((item) => rank.has(identify(item))).toSorted((a, b) => rank.get(identify(a))! - rank.get(identify(b))!);
  const result: T[] = [];
  let next = 0;
  for (const item of items) {
    if (!rank.has(identify(item))) {
      result.push(item);
      continue;
    }
    const own = rank.get(identify(item))!;
    while (next < named.length && rank.get(identify(named[next]!))! <= own) result.push(named[next++]!);
  }
  return [...result, ...named.slice(next)];
}
