/** Work of one name at a time, in the order of asking. What failed keeps nobody waiting. */

export type Queue = <Result>(name: string, act: () => Promise<Result>) => Promise<Result>;

export function openQueue(): Queue {
  const queues = new Map<string, Promise<unknown>>();
  return async (name, act) => {
    const before = (queues.get(name) ?? Promise.resolve()).catch(() => undefined);
    const turn = before.then(act);
    queues.set(name, turn);
    return await turn.finally(() => {
      if (queues.get(name) === turn) queues.delete(name);
    });
  };
}
