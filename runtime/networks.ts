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
}

export interface Networks {
  create(options: {
    readonly name: string;
    readonly subnet?: string;
    readonly internal?: boolean;
    readonly labels?: Readonly<Record<string, string>>;
  }): Promise<Network>;
  get(name: string): Promise<Network | undefined>;
  list(): Promise<readonly Network[]>;
  remove(name: string): Promise<void>;
}
