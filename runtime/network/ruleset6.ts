/** The IPv6 side of a root's rules: networks with an IPv6 subnet lead out, are kept apart and publish ports as in IPv4. Pure. */
import { isIPv6 } from "./ip-version.ts";
import { type Endpoint, type NetworkRecord, tableName } from "./record.ts";
import { startTable, type Writing } from "./start-table.ts";

/** Nothing where no network ever had IPv6: the kernel may lack it. */
export function ruleset6(tag: string, networks: readonly NetworkRecord[], live: readonly NetworkRecord[], writing: Writing): string {
  if (!networks.some(isAble)) return "";
  const table = tableName(tag);
  const able = live.filter(isAble);
  if (able.length === 0) return writing === "create" ? "" : startTable("ip6", table, writing);
  return `${startTable("ip6", table, writing)}table ip6 ${table} {\n${chains(tag, able)}}\n`;
}

function isAble({ subnet6 }: NetworkRecord): boolean {
  return subnet6 !== undefined;
}

function chains(tag: string, networks: readonly NetworkRecord[]): string {
  const own = `"st${tag}*"`;
  const subnets = networks.map((network) => network.subnet6).join(", ");
  const ports = networks.flatMap((network) => Object.values(network.endpoints).flatMap(published));
  const outside = networks.map(({ bridge, internal }) =>
    internal
      ? `    iifname "${bridge}" oifname != "${bridge}" drop\n    oifname "${bridge}" iifname != "${bridge}" drop\n`
      : `    iifname "${bridge}" oifname ${own} oifname != "${bridge}" ct status != dnat drop\n`,
  );
  const apart = networks.filter(({ options }) => options?.icc === false).map(({ bridge }) => `    iifname "${bridge}" oifname "${bridge}" drop\n`);
  const bare = networks.filter(({ options }) => options?.masquerade === false).map(({ subnet6 }) => `    ip6 saddr ${subnet6} oifname != ${own} return\n`);
  return `  chain ports {
${ports.join("")}  }
  chain prerouting {
    type nat hook prerouting priority -100; policy accept;
    fib daddr type local jump ports
  }
  chain output {
    type nat hook output priority -100; policy accept;
    ip6 daddr != ::1 fib daddr type local jump ports
  }
  chain postrouting {
    type nat hook postrouting priority 100; policy accept;
    ip6 saddr { ${subnets} } ip6 daddr { ${subnets} } ct status dnat masquerade
${bare.join("")}    ip6 saddr { ${subnets} } oifname != ${own} masquerade
  }
  chain forward {
    type filter hook forward priority 0; policy accept;
${[...outside, ...apart].join("")}  }
`;
}

/** On every address, or on the IPv6 one that was named. */
function published({ address6, ports }: Endpoint): readonly string[] {
  if (address6 === undefined) return [];
  return ports
    .filter(({ hostIP = "" }) => hostIP === "" || hostIP === "::" || (isIPv6(hostIP) && hostIP !== "::1"))
    .map(({ hostIP = "", hostPort, containerPort, protocol }) => {
      const at = hostIP === "" || hostIP === "::" ? "" : `ip6 daddr ${hostIP} `;
      return `    ${at}${protocol} dport ${hostPort} dnat to [${address6}]:${containerPort}\n`;
    });
}
