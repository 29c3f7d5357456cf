/** After the range of service addresses has moved, services move with it; nothing runs then that knows the old addresses. */
import type { ObjectLog } from "../log/object-log.ts";
import { isWithin, movedAddress } from "./service-addresses.ts";

export async function moveServices(log: ObjectLog, cidr: string, former: string | undefined): Promise<void> {
  const isStray = (address: string | undefined): address is string => address !== undefined && address !== "" && address !== "None" && !isWithin(cidr, address);
  if (!log.list("services").some(({ spec }) => isStray(spec.clusterIP))) return;
  await log.transact((transaction) => {
    const services = transaction.list("services");
    const taken = new Set<string>(services.map(({ spec }) => spec.clusterIP));
    for (const service of services) {
      const { name, namespace = "" } = service.metadata;
      if (!isStray(service.spec.clusterIP)) continue;
      const clusterIP = movedAddress(cidr, former, service.spec.clusterIP, taken);
      if (clusterIP === undefined) continue;
      taken.add(clusterIP);
      transaction.put({ resource: "services", namespace, name }, { ...service, spec: { ...service.spec, clusterIP, clusterIPs: [clusterIP] } });
    }
  });
}
