/** strata network create, with docker's flags. */
import { Command } from "commander";
import { isIPv6 } from "../../runtime/network/ip-version.ts";
import type { BridgeOptions, NetworkWish } from "../../runtime/networks.ts";
import { keyValue } from "../containers/key-value.ts";
import { refuseFlags } from "../containers/refused-flags.ts";
import { parseNumber } from "../containers/sizes.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { collect } from "../collect.ts";

interface Flags {
  readonly attachable?: boolean;
  readonly auxAddress: readonly string[];
  readonly driver: string;
  readonly gateway: readonly string[];
  readonly internal?: boolean;
  readonly ipRange: readonly string[];
  readonly ipamDriver: string;
  readonly ipv6?: boolean;
  readonly label: readonly string[];
  readonly opt: readonly string[];
  readonly scope: string;
  readonly subnet: readonly string[];
}

const NONE: readonly string[] = [];
const SWARM = "it belongs to swarms, which are many machines";

export function createCommand(context: Context): Command {
  const command = refuseFlags(new Command("create"), {
    "--config-from <network>": SWARM,
    "--config-only": SWARM,
    "--ingress": SWARM,
    "--ipam-opt <key=value>": "addresses are given by strata itself, which has no options for it",
  });
  return command
    .description("Create a network")
    .argument("<name>")
    .option("-d, --driver <name>", "bridge is the only one; others are CNI configurations (--network cni:NAME)", "bridge")
    .option("--subnet <subnet>", "as in 10.90.0.0/16, or an IPv6 one", collect, NONE)
    .option("--gateway <address>", "the machine's address on it", collect, NONE)
    .option("--ip-range <subnet>", "part of it that addresses are chosen from", collect, NONE)
    .option("--aux-address <name=address>", "an address that is left to others", collect, NONE)
    .option("--ipv6", "IPv6, too; --subnet says which")
    .option("--internal", "without a way out")
    .option("--attachable", "taken, and changes nothing on one machine")
    .option("--scope <scope>", "local, the only one", "local")
    .option("--ipam-driver <name>", "default, the only one", "default")
    .option("-o, --opt <key=value>", "an option of docker's bridge driver", collect, NONE)
    .option("--label <key=value>", "set a label", collect, NONE)
    .action(async (name: string, flags: Flags) => {
      const wish = networkWish(name, flags);
      const { networks } = await context.engine();
      context.stdout.write(`${(await networks.create(wish)).id}\n`);
    });
}

/** Pure. @throws {UsageError} */
export function networkWish(name: string, flags: Flags): NetworkWish {
  if (flags.driver !== "bridge")
    throw new UsageError(
      `Cannot create a network of driver ${JSON.stringify(flags.driver)}: bridge is the only one. Others are made by CNI plugins: write a configuration into /etc/cni/net.d and use --network cni:NAME`,
    );
  if (flags.scope !== "local") throw new UsageError(`invalid --scope ${JSON.stringify(flags.scope)}: ${SWARM}`);
  if (flags.ipamDriver !== "default") throw new UsageError(`invalid --ipam-driver ${JSON.stringify(flags.ipamDriver)}: default is the only one`);
  const [subnet, subnet6] = pair("--subnet", flags.subnet);
  const [gateway, gateway6] = pair("--gateway", flags.gateway);
  const [ipRange, range6] = pair("--ip-range", flags.ipRange);
  if (range6 !== undefined) throw new UsageError("invalid --ip-range: of IPv6 subnets addresses are chosen as their IPv4 ones are");
  if (flags.ipv6 === true && subnet6 === undefined) throw new UsageError("--ipv6 needs an IPv6 --subnet, as in fd00:88::/64");
  if (subnet6 !== undefined && flags.ipv6 !== true) throw new UsageError(`invalid --subnet ${subnet6}: an IPv6 one needs --ipv6`);
  if ((gateway ?? ipRange) !== undefined && subnet === undefined) throw new UsageError("every --gateway and --ip-range needs the --subnet that it belongs to");
  if (gateway6 !== undefined && subnet6 === undefined) throw new UsageError(`no matching subnet for gateway ${gateway6}`);
  const options = bridgeOptions(flags.opt);
  return {
    name,
    internal: flags.internal ?? false,
    labels: Object.fromEntries(flags.label.map(keyValue)),
    ...(flags.attachable === true && { attachable: true }),
    ...(subnet !== undefined && { subnet }),
    ...(gateway !== undefined && { gateway }),
    ...(ipRange !== undefined && { ipRange }),
    ...(subnet6 !== undefined && { subnet6 }),
    ...(gateway6 !== undefined && { gateway6 }),
    ...(flags.auxAddress.length > 0 && { reserved: Object.fromEntries(flags.auxAddress.map(keyValue)) }),
    ...(options !== undefined && { options }),
  };
}

/** One of each family at most. */
function pair(flag: string, values: readonly string[]): readonly [string | undefined, string | undefined] {
  const sixth = values.filter((value) => isIPv6(value.split("/")[0] ?? ""));
  const fourth = values.filter((value) => !sixth.includes(value));
  if (fourth.length > 1 || sixth.length > 1) throw new UsageError(`invalid ${flag}: a network has one subnet of each family`);
  return [fourth[0], sixth[0]];
}

const KEYS: Readonly<Record<string, (value: string) => BridgeOptions>> = {
  "com.docker.network.bridge.enable_icc": (value) => ({ icc: value !== "false" }),
  "com.docker.network.bridge.enable_ip_masquerade": (value) => ({ masquerade: value !== "false" }),
  "com.docker.network.bridge.host_binding_ipv4": (value) => ({ hostIP: value }),
  "com.docker.network.driver.mtu": (value) => ({ mtu: parseNumber(value) }),
};

function bridgeOptions(options: readonly string[]): BridgeOptions | undefined {
  if (options.length === 0) return undefined;
  const parsed = options.map(keyValue).map(([key, value]) => {
    const read = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
    if (read === undefined) throw new UsageError(`invalid option ${JSON.stringify(key)}: ${Object.keys(KEYS).join(", ")} are known`);
    return read(value);
  });
  return Object.assign({}, ...parsed) as BridgeOptions;
}
