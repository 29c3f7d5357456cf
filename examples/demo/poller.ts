/** A client that never stops asking: what it counts shows whether an update was seen by users. */
import { Agent, get } from "node:http";

export interface Tally {
  readonly answered: number;
  readonly failures: readonly string[];
  /** How often each body was seen. */
  readonly bodies: ReadonlyMap<string, number>;
}

/** Polls `url` every few milliseconds, a new connection each time, until stopped. */
export function poll(url: string): { stop(): Promise<Tally> } {
  let running = true;
  let answered = 0;
  const failures: string[] = [];
  const bodies = new Map<string, number>();
  const loop = (async () => {
    while (running) {
      try {
        const body = await fetchText(url);
        answered += 1;
        bodies.set(body, (bodies.get(body) ?? 0) + 1);
      } catch (error) {
        failures.push(String(error));
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  return {
    async stop(): Promise<Tally> {
      running = false;
      await loop;
      return { answered, failures, bodies };
    },
  };
}

export async function fetchText(url: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    const request = get(url, { agent: new Agent({ keepAlive: false }), timeout: 5000 }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode === 200) resolve(text.trim());
        else reject(new Error(`status ${response.statusCode}`));
      });
    });
    request.on("timeout", () => request.destroy(new Error("no answer within 5 s")));
    request.on("error", reject);
  });
}
