/** The syntax of names, labels and keys; each check gives what is wrong, in Kubernetes' words, or undefined. Spec: "Object Names and IDs", "Labels and Selectors". */
import { isIP } from "node:net";

const dnsLabel = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const qualifiedName = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

type Check = (value: string) => string | undefined;

function syntax(pattern: string, limit: number, says: string): Check {
  const whole = new RegExp(`^(?:${pattern})$`);
  return (value) =>
    value.length > limit ? `must be no more than ${limit} characters` : whole.test(value) ? undefined : `${says}, regex used for validation is '${pattern}')`;
}

export const subdomainProblem = syntax(
  `${dnsLabel}(\\.${dnsLabel})*`,
  253,
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com'",
);

const labelSyntax = syntax(
  dnsLabel,
  63,
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc'",
);

export function labelProblem(value: string): string | undefined {
  const problem = labelSyntax(value);
  return problem !== undefined && value.length <= 63 && subdomainProblem(value) === undefined ? "must not contain dots" : problem;
}

export const serviceNameProblem = syntax(
  "[a-z]([-a-z0-9]*[a-z0-9])?",
  63,
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123'",
);

const namePart = syntax(
  qualifiedName,
  63,
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc'",
);

export const labelValueProblem = syntax(
  `(${qualifiedName})?`,
  63,
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345'",
);

const keySyntax = syntax(
  "[-._a-zA-Z0-9]+",
  253,
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name'",
);

/** Keys become names of files. */
export function configKeyProblem(value: string): string | undefined {
  const problem = keySyntax(value);
  if (problem !== undefined) return problem;
  if (value === "." || value === "..") return `must not be '${value}'`;
  return value.startsWith("..") ? "must not start with '..'" : undefined;
}

/** A path below a volume. */
export function localPathProblem(path: string): string | undefined {
  if (path.startsWith("/")) return "must be a relative path";
  return climbingPathProblem(path);
}

export function climbingPathProblem(path: string): string | undefined {
  return path.split("/").includes("..") ? "must not contain '..'" : undefined;
}

/** A path below a volume that the files `..data` and the like keep to themselves. */
export function projectedPathProblem(path: string): string | undefined {
  return localPathProblem(path) ?? (path.startsWith("..") ? "must not start with '..'" : undefined);
}

export function environmentNameProblem(name: string): string | undefined {
  return /^[ -<>-~]+$/.test(name) ? undefined : "a valid environment variable name must consist only of printable ASCII characters other than '='";
}

export const headerNameProblem = syntax("[-A-Za-z0-9]+", Infinity, "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name'");

export const wildcardProblem = syntax(
  `\\*\\.${dnsLabel}(\\.${dnsLabel})*`,
  253,
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com'",
);

/** Names of objects whose path in the API they are, and that may hold colons. */
export function pathSegmentProblem(name: string): string | undefined {
  if (name === "." || name === "..") return `may not be '${name}'`;
  const bad = ["/", "%"].find((character) => name.includes(character));
  return bad && `may not contain '${bad}'`;
}

export function addressProblem(address: string): string | undefined {
  return isIP(address) === 0 ? "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)" : undefined;
}

export function rangeProblem(cidr: string): string | undefined {
  const [address = "", bits = "", ...more] = cidr.split("/");
  const family = isIP(address);
  const fits = family !== 0 && more.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
  return fits ? undefined : "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
}

/** `example.com/MyName`: the keys of labels and annotations. */
export function qualifiedNameProblem(value: string): string | undefined {
  const [first = "", second, ...more] = value.split("/");
  if (more.length > 0)
    return "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
  if (second === undefined) return first === "" ? "name part must be non-empty" : namePart(first);
  if (first === "") return "prefix part must be non-empty";
  const prefix = subdomainProblem(first);
  if (prefix !== undefined) return `prefix part ${prefix}`;
  return second === "" ? "name part must be non-empty" : namePart(second);
}

/** Ports of containers have short names. Spec: RFC 6335, section 5.1. */
export function portNameProblem(name: string): string | undefined {
  if (name.length > 15) return "must be no more than 15 characters";
  if (!/^[-a-z0-9]+$/.test(name)) return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
  if (!/[a-z]/.test(name)) return "must contain at least one letter (a-z)";
  if (name.includes("--")) return "must not contain consecutive hyphens";
  return name.startsWith("-") || name.endsWith("-") ? "must not begin or end with a hyphen" : undefined;
}

/** Of probes and services: a number, or the name of a container's port. */
export function portProblem(port: string | number): string | undefined {
  if (typeof port === "string") return portNameProblem(port);
  return port >= 1 && port <= 65_535 ? undefined : "must be between 1 and 65535, inclusive";
}
