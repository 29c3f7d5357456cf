/** How a host wants to be spoken to, where hosts.toml says more of it than its address. Spec: containerd "Registry Configuration", `ca`, `client`, `header`. */

export interface HostTerms {
  /** Paths of PEM files. */
  readonly authorities: readonly string[];
  /** Likewise; a key that is not named stands in the certificate's file. */
  readonly clients: readonly { readonly certificate: string; readonly key: string }[];
  /** Sent to that host, and to no other that it leads to. */
  readonly headers: Readonly<Record<string, string>>;
}

type Fields = Readonly<Record<string, unknown>>;

/** Undefined where nothing is said. Paths are taken from the folder of the file. @throws {Error} what is not of the right kind */
export function readHostTerms({ ca, client, header }: Fields, resolve: (path: string) => string): HostTerms | undefined {
  if (ca === undefined && client === undefined && header === undefined) return undefined;
  return { authorities: texts(ca, "ca").map(resolve), clients: readClients(client, resolve), headers: readHeaders(header) };
}

/** `"a.pem"`, `["a.pem", "b.pem"]` or `[["a.cert", "a.key"], ["b.pem", ""]]`. */
function readClients(client: unknown, resolve: (path: string) => string): HostTerms["clients"] {
  const listed = Array.isArray(client) ? (client as readonly unknown[]) : client === undefined ? [] : [client];
  return listed.map((one) => {
    const [certificate = "", key = "", ...more] = texts(one, "client");
    if (certificate === "" || more.length > 0) throw new Error("client is no pair of a certificate and its key");
    return { certificate: resolve(certificate), key: resolve(key === "" ? certificate : key) };
  });
}

/** They tell where a request ends and whom it is for: no file says that. */
const FRAMING: ReadonlySet<string> = new Set(["connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"]);
/** What a header can hold. Spec: RFC 9110, section 5.5. */
const VALUE = /^[\t\u{20}-\u{7e}\u{80}-\u{ff}]*$/u;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

function readHeaders(header: unknown): HostTerms["headers"] {
  if (header === undefined) return {};
  if (typeof header !== "object" || header === null || Array.isArray(header)) throw new Error("header is no table");
  return Object.fromEntries(
    Object.entries(header).map(([name, value]) => {
      const line = texts(value, `header ${name}`).join(", ");
      if (!TOKEN.test(name) || FRAMING.has(name.toLowerCase()) || !VALUE.test(line)) throw new Error(`header ${JSON.stringify(name)} cannot be sent`);
      return [name.toLowerCase(), line];
    }),
  );
}

/** One text, or a list of them. */
function texts(value: unknown, what: string): readonly string[] {
  const list = value === undefined ? [] : Array.isArray(value) ? (value as readonly unknown[]) : [value];
  return list.map((item) => {
    if (typeof item === "string") return item;
    throw new Error(`${what} is no text`);
  });
}
