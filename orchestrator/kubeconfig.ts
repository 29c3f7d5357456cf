/** The file that tells kubectl where the cluster is and who asks. Spec: "Organizing Cluster Access Using kubeconfig Files". */
import type { KeyPair } from "../http/certificate.ts";

export interface KubeconfigParts {
  readonly url: string;
  /** PEM. */
  readonly authority: string;
  readonly admin: KeyPair;
}

export function formatKubeconfig({ url, authority, admin }: KubeconfigParts): string {
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  return `apiVersion: v1
kind: Config
clusters:
- name: strata
  cluster:
    server: ${url}
    certificate-authority-data: ${base64(authority)}
users:
- name: strata-admin
  user:
    client-certificate-data: ${base64(admin.certificate)}
    client-key-data: ${base64(admin.key)}
contexts:
- name: strata
  context:
    cluster: strata
    user: strata-admin
current-context: strata
preferences: {}
`;
}
