/** What a container may use of the machine. Spec: docker run, "Runtime constraints on resources". */

/** Limits in docker's terms. Sizes are bytes. */
export interface Limits {
  readonly cpus?: number;
  readonly cpuPeriod?: number;
  readonly cpuQuota?: number;
  readonly cpuShares?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly memory?: number;
  readonly memorySwap?: number;
  readonly memoryReservation?: number;
  readonly pidsLimit?: number;
  readonly blkioWeight?: number;
  readonly blkioWeightDevice?: readonly DeviceRate[];
  readonly deviceReadBps?: readonly DeviceRate[];
  readonly deviceWriteBps?: readonly DeviceRate[];
  readonly deviceReadIOps?: readonly DeviceRate[];
  readonly deviceWriteIOps?: readonly DeviceRate[];
  readonly oomScoreAdj?: number;
  /** 0 to 100. */
  readonly memorySwappiness?: number;
  /** Processes wait for memory instead of being killed. */
  readonly oomKillDisable?: boolean;
}

/** A block device of this machine by path, and its bytes or operations a second (or its weight). */
export interface DeviceRate {
  readonly path: string;
  readonly rate: number;
}
