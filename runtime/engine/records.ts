/** Container records and their names: a name belongs to one container, also when two processes ask at once. */
import type { Store } from "../../store/store.ts";
import type { Table } from "../../store/tables.ts";
import type { ContainerRecord } from "../engine.ts";
import { RuntimeError } from "../errors.ts";
import { checkName, generateName } from "./identity.ts";

export interface Records {
  get(id: string): ContainerRecord | undefined;
  list(): readonly ContainerRecord[];
  /** By id, name or unique id prefix. @throws {RuntimeError} `CONTAINER_UNKNOWN` */
  find(reference: string): ContainerRecord;
  put(record: ContainerRecord): Promise<void>;
  /** Undefined when it is gone. `change` must be pure. */
  change(id: string, change: (current: ContainerRecord) => ContainerRecord): Promise<ContainerRecord | undefined>;
  /** Record and name. */
  remove(record: Pick<ContainerRecord, "id" | "name">): Promise<void>;
  /** Claims `name`, or a generated one. @throws {RuntimeError} `NAME_INVALID`, `CONTAINER_EXISTS` */
  claimName(name: string | undefined, id: string): Promise<string>;
  releaseName(name: string, id: string): Promise<void>;
  /** Whose name it is. */
  holder(name: string): string | undefined;
  /** Every claim, with the id that holds it. */
  names(): readonly (readonly [name: string, id: string])[];
}

const GENERATED_TRIES = 20;

export function openRecords(store: Store): Records {
  const containers = store.table<ContainerRecord>("runtime.containers");
  const names = store.table<string>("runtime.names");
  const releaseName = async (name: string, id: string): Promise<void> => {
    await names.update(name, (holder) => (holder === id ? undefined : holder));
  };
  return {
    get: (id) => containers.get(id),
    list: () => containers.list().map(([, record]) => record),
    find: (reference) => findRecord(containers, names, reference),
    put: async (record) => await containers.put(record.id, record),
    change: async (id, change) => await containers.update(id, (current) => current && change(current)),
    releaseName,
    holder: (name) => names.get(name),
    names: () => names.list(),
    async remove(record): Promise<void> {
      await Promise.all([containers.remove(record.id), releaseName(record.name, record.id)]); // one transaction
    },
    async claimName(name, id): Promise<string> {
      if (name !== undefined) checkName(name);
      for (let attempt = 0; attempt < GENERATED_TRIES; attempt++) {
        const wanted = name ?? (attempt < GENERATED_TRIES / 2 ? generateName() : `${generateName()}_${id.slice(0, 6)}`);
        const holder = await names.update(wanted, (current) => current ?? id);
        if (holder === id) return wanted;
        if (name !== undefined)
          throw new RuntimeError(
            "CONTAINER_EXISTS",
            `Conflict. The container name "/${name}" is already in use by container "${holder}". You have to remove (or rename) that container to be able to reuse that name.`,
          );
      }
      throw new RuntimeError("CONTAINER_EXISTS", "Cannot name the container: every generated name is taken");
    },
  };
}

function findRecord(containers: Table<ContainerRecord>, names: Table<string>, reference: string): ContainerRecord {
  const wanted = reference.startsWith("/") ? reference.slice(1) : reference;
  const named = names.get(wanted);
  const exact = containers.get(wanted) ?? (named === undefined ? undefined : containers.get(named));
  if (exact !== undefined) return exact;
  const matches = /^[0-9a-f]+$/.test(wanted) ? containers.list(wanted) : [];
  const [first] = matches;
  if (first !== undefined && matches.length === 1) return first[1];
  throw new RuntimeError(
    "CONTAINER_UNKNOWN",
    matches.length > 1 ? `Multiple IDs found with provided prefix: ${reference}` : `No such container: ${reference}`, // docker's words
  );
}
