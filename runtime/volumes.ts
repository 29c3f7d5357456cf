/** Volumes as users know them: folders of the root that outlive the containers that mount them. */

export interface Volume {
  readonly name: string;
  readonly createdAt: string;
  readonly mountpoint: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly anonymous: boolean;
  /** The folder of this machine that it is. */
  readonly device?: string;
}

export interface Volumes {
  /** `device`: a folder of this machine that stands for it, and outlives it. */
  create(name?: string, labels?: Readonly<Record<string, string>>, device?: string): Promise<Volume>;
  get(name: string): Promise<Volume | undefined>;
  list(): Promise<readonly Volume[]>;
  /** @throws {RuntimeError} `VOLUME_IN_USE` */
  remove(name: string): Promise<void>;
}
