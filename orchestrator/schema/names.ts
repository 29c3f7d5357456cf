/** The syntax of names, labels and keys; each check gives what is wrong, in Kubernetes' words, or undefined. Spec: "Object Names and IDs", "Labels and Selectors". */

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

export const labelProblem = syntax(
  dnsLabel,
  63,
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc'",
);

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

export const environmentNameProblem = syntax(
  "[-._a-zA-Z][-._a-zA-Z0-9]*",
  Infinity,
  "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1'",
);

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

/** Ports of containers have short names. */
export function portNameProblem(name: string): string | undefined {
  if (name.length > 15) return "must be no more than 15 characters";
  return /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name) && /[a-z]/.test(name)
    ? undefined
    : "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
}
