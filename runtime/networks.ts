/** Networks as users know them: bridges that containers join, and ports of the machine that lead to them. */

export interface PortMapping {
  readonly hostIP?: string;
  /** 0: choose a free one. */
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: "tcp" | "udp";
}

export interface Network {
  readonly name: string;
  readonly id: string;
  readonly bridge: string;
  /** `10.88.0.0/16` */
  readonly subnet: string;
  readonly gateway: string;
  readonly internal: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: string;
  /** `fd00:88::/64` */
  readonly subnet6?: string;
  readonly gateway6?: string;
  /** Part of the subnet that addresses are chosen from. */
  readonly ipRange?: string;
  /** Addresses that are left to others, by what they are for. */
  readonly reserved?: Readonly<Record<string, string>>;
  readonly attachable?: boolean;
  readonly options?: BridgeOptions;
  readonly endpoints: Readonly<Record<string, NetworkEndpoint>>;
}

/** Docker's com.docker.network.bridge.*. */
export interface BridgeOptions {
  /** Containers reach each other. @default true */
  readonly icc?: boolean;
  /** What leaves has this machine's address. @default true */
  readonly masquerade?: boolean;
  /** Where ports are published that name no address. */
  readonly hostIP?: string;
  readonly mtu?: number;
}

export interface NetworkEndpoint {
  readonly address: string;
  readonly address6?: string;
  readonly mac: string;
  readonly names: readonly string[];
}

/** What a container has on one of its networks. */
export interface EndpointState {
  readonly network: string;
  readonly networkID: string;
  readonly device: string;
  readonly address: string;
  readonly prefixLength: number;
  /** Empty where nothing leads out. */
  readonly gateway: string;
  readonly mac: string;
  readonly address6?: string;
  readonly prefixLength6?: number;
  readonly gateway6?: string;
  readonly aliases?: readonly string[];
}

/** A container's wish to be on a network. */
export interface Connection {
  readonly network: string;
  readonly aliases?: readonly string[];
  readonly ip?: string;
  readonly ip6?: string;
  readonly mac?: string;
}

export interface NetworkWish {
  readonly name: string;
  readonly subnet?: string;
  readonly gateway?: string;
  readonly ipRange?: string;
  readonly reserved?: Readonly<Record<string, string>>;
  readonly subnet6?: string;
  readonly gateway6?: string;
  readonly internal?: boolean;
  readonly attachable?: boolean;
  readonly options?: BridgeOptions;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface Networks {
  create(wish: NetworkWish): Promise<Network>;
  /** By name, id or unique beginning of an id. */
  get(reference: string): Promise<Network | undefined>;
  list(): Promise<readonly Network[]>;
  remove(name: string): Promise<void>;
  /** Bridges that nobody is on go, with their rules; they come again with the next container. Idempotent. */
  removeIdle(): Promise<void>;
}
