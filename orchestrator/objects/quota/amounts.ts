/** Exact amounts by resource name, as quotas and limits count them. */
import { formatQuantity, parseQuantity, type Quantity } from "../../schema/quantity.ts";

export type Amounts = Readonly<Record<string, Quantity>>;

export function parseAmounts(list: Readonly<Record<string, string | number>> | undefined): Amounts {
  return Object.fromEntries(
    Object.entries(list ?? {}).flatMap(([name, text]) => {
      const quantity = parseQuantity(text);
      return quantity === undefined ? [] : [[name, quantity]];
    }),
  );
}

export function formatAmounts(amounts: Amounts): Record<string, string> {
  return Object.fromEntries(Object.entries(amounts).map(([name, quantity]) => [name, formatQuantity(quantity)]));
}

export function plus(left: Amounts, right: Amounts): Amounts {
  return join(left, right, (a, b) => a + b);
}

export function max(left: Amounts, right: Amounts): Amounts {
  return join(left, right, (a, b) => (a > b ? a : b));
}

export function count(amount: number): Quantity {
  return { nano: BigInt(amount) * 1_000_000_000n, format: "decimal" };
}

/** The format is that of the first that is not nothing. */
function join(left: Amounts, right: Amounts, by: (a: bigint, b: bigint) => bigint): Amounts {
  const joined: Record<string, Quantity> = { ...left };
  for (const [name, { nano, format }] of Object.entries(right)) {
    const before = joined[name];
    joined[name] = before === undefined ? { nano, format } : { nano: by(before.nano, nano), format: before.nano === 0n ? format : before.format };
  }
  return joined;
}

/** What a pod needs at its peak: containers run together, init containers one by one beside the sidecars started before them. */
export function podAmounts({ initContainers = [], containers = [], overhead }: any, list: "requests" | "limits"): Amounts {
  const own = ({ resources }: any): Amounts => parseAmounts(resources?.[list]);
  let sidecars: Amounts = {};
  let peak: Amounts = {};
  for (const init of initContainers) {
    const next = plus(sidecars, own(init));
    if (init.restartPolicy === "Always") sidecars = next;
    peak = max(peak, next);
  }
  const together = containers.reduce((total: Amounts, container: unknown) => plus(total, own(container)), sidecars);
  return plus(max(together, peak), parseAmounts(overhead));
}
