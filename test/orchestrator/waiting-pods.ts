/** Ends at once when it is told to. */
const WAIT = "trap 'exit 0' TERM; while :; do sleep 60 & wait $!; done";

/** Of pods of `local/app`. */
export function template(app: string, container: object = {}): object {
  return {
    metadata: { labels: { app } },
    spec: { terminationGracePeriodSeconds: 2, containers: [{ name: "main", image: "local/app:v1", command: ["sh", "-c", WAIT], ...container }] },
  };
}
