/** What a cluster's services need of this machine's network. */

export interface ServiceRange {
  /** `10.96.0.0/20` */
  readonly cidr: string;
  /** Its first address: of this machine, reached from its containers too. */
  readonly address: string;
  /** The link was made by this call. */
  readonly fresh: boolean;
}

/** What conntrack knows of a service's clients. */
export interface ServiceFlow {
  readonly protocol: "tcp" | "udp";
  readonly address: string;
  readonly port: number;
  /** Address that it is translated to. */
  readonly endpoint: string;
}

/** A link with the addresses of a cluster's services, and one nft table. All calls are idempotent. */
export interface ServiceNetwork {
  /** Name of the table. */
  readonly table: string;
  /** Pattern for the names of this root's bridges. */
  readonly bridges: string;
  /** Whether this machine has nft. */
  hasRules(): boolean;
  /** Makes the link: with the range `kept` where the machine does not use it otherwise, else with one that is free. @throws {RuntimeError} `NETWORK_FAILED` */
  claim(kept: string | undefined): Promise<ServiceRange>;
  /** Single addresses of the range `cidr` that the link has besides its first; others are taken off. */
  addresses(cidr: string, wanted: readonly string[]): Promise<void>;
  /** In one transaction: `body` is what the table holds; undefined removes it. */
  replaceTable(body: string | undefined): Promise<void>;
  /** As `nft -j list table` tells it; an empty object where there is none. */
  readTable(): Promise<unknown>;
  /** The next packet of these is translated anew. */
  forgetFlows(flows: readonly ServiceFlow[]): Promise<void>;
  /** Forgets every connection that was translated to an address that is nobody's any more. */
  forgetEndpoints(addresses: readonly string[]): Promise<void>;
  /** Link and table. */
  remove(): Promise<void>;
}
