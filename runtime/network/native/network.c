/* strata-network OPERATION…: links, addresses and namespaces, done in the order given.
   Every operation is idempotent: what is there already, or gone already, is a success. */
#define _GNU_SOURCE
#include "common.h"
#include "flows.h"
#include "netlink.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_bridge.h>
#include <linux/veth.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct
{
  int home;       /* the namespace that the helper was started in */
  int home_link;  /* netlink sockets of the two */
  int inner;      /* the namespace of `netns` */
  int inner_link;
} State;

static void
enter (int namespace)
{
  if (setns (namespace, CLONE_NEWNET) < 0)
    die ("network", "setns");
}

static int
need_index (int fd, const char *name)
{
  int index = netlink_index (fd, name);

  if (index == 0)
    {
      errno = ENODEV;
      die ("network: find link", name);
    }
  return index;
}

typedef struct
{
  unsigned char family, prefix;
  size_t size;
  uint8_t bytes[16];
} Address;

/* "10.88.0.2/16", "fd00::2/64" */
static Address
parse_address (const char *text)
{
  char copy[64];
  Address address = { .family = strchr (text, ':') == NULL ? AF_INET : AF_INET6 };

  snprintf (copy, sizeof copy, "%s", text);
  char *slash = strchr (copy, '/');
  if (slash != NULL)
    *slash = '\0';
  if (inet_pton (address.family, copy, address.bytes) != 1)
    {
      errno = EINVAL;
      die ("network: address", text);
    }
  address.size = address.family == AF_INET ? 4 : 16;
  address.prefix = (unsigned char) (slash == NULL ? address.size * 8 : (size_t) atoi (slash + 1));
  return address;
}

static void
parse_mac (const char *text, uint8_t mac[6])
{
  if (sscanf (text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) != 6)
    {
      errno = EINVAL;
      die ("network: mac", text);
    }
}

static void
write_sysctl (const char *path, const char *value)
{
  AUTO_CLOSE int fd = open (path, O_WRONLY | O_CLOEXEC);

  if (fd < 0 || write (fd, value, strlen (value)) < 0)
    die ("network: sysctl", path);
}

/* netns PATH: makes the namespace and pins it at PATH; later operations may work inside. */
static void
op_netns (State *state, char **argument)
{
  const char *path = argument[0];
  struct stat before, after;
  AUTO_CLOSE int file = open (path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);

  if (file < 0 || fstat (file, &before) < 0 || fstat (state->home, &after) < 0)
    die ("network: netns", path);
  if (before.st_dev != after.st_dev) /* a plain file still, no namespace yet */
    {
      if (unshare (CLONE_NEWNET) < 0 || mount ("/proc/thread-self/ns/net", path, NULL, MS_BIND, NULL) < 0)
        die ("network: netns", path);
      enter (state->home);
    }
  state->inner = open (path, O_RDONLY | O_CLOEXEC);
  if (state->inner < 0)
    die ("network: netns", path);
  enter (state->inner);
  state->inner_link = netlink_open ();
  enter (state->home);
}

/* forget-netns PATH */
static void
op_forget_netns (State *state, char **argument)
{
  (void) state;
  if (umount2 (argument[0], MNT_DETACH) < 0 && errno != EINVAL && errno != ENOENT)
    die ("network: umount", argument[0]);
  if (unlink (argument[0]) < 0 && errno != ENOENT)
    die ("network: unlink", argument[0]);
}

static int
new_address (int fd, const char *name, const char *text)
{
  Request request;
  Address address = parse_address (text);
  struct ifaddrmsg info = { .ifa_family = address.family, .ifa_prefixlen = address.prefix, .ifa_scope = RT_SCOPE_UNIVERSE };

  info.ifa_index = need_index (fd, name);
  if (address.family == AF_INET6)
    info.ifa_flags = IFA_F_NODAD; /* ours to give: of use at once */
  request_start (&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info);
  request_put (&request, IFA_LOCAL, address.bytes, address.size);
  request_put (&request, IFA_ADDRESS, address.bytes, address.size);
  if (address.family == AF_INET)
    {
      uint32_t broadcast;
      memcpy (&broadcast, address.bytes, sizeof broadcast);
      broadcast |= htonl (address.prefix == 0 ? ~0u : (1u << (32 - address.prefix)) - 1);
      request_put (&request, IFA_BROADCAST, &broadcast, sizeof broadcast);
    }
  return netlink_ask (fd, &request);
}

/* bridge NAME ADDRESS/PREFIX MAC: a fixed mac, else it changes with the lowest port. */
static void
op_bridge (State *state, char **argument)
{
  Request request;
  uint8_t mac[6];
  char path[128];
  struct ifinfomsg info = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };

  parse_mac (argument[2], mac);
  request_start (&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info);
  request_put_text (&request, IFLA_IFNAME, argument[0]);
  request_put (&request, IFLA_ADDRESS, mac, sizeof mac);
  struct rtattr *link = request_nest (&request, IFLA_LINKINFO);
  request_put_text (&request, IFLA_INFO_KIND, "bridge");
  request_end (&request, link);
  if (netlink_ask (state->home_link, &request) < 0 && errno != EEXIST)
    die ("network: bridge", argument[0]);
  if (new_address (state->home_link, argument[0], argument[1]) < 0 && errno != EEXIST)
    die ("network: bridge address", argument[1]);
  snprintf (path, sizeof path, "/proc/sys/net/ipv4/conf/%s/route_localnet", argument[0]);
  write_sysctl (path, "1"); /* published ports answer on 127.0.0.1 too */
  write_sysctl ("/proc/sys/net/ipv4/ip_forward", "1");
}

/* A reply to a container's own published port comes back out of the port it came from. */
static void
set_hairpin (int fd, const char *name)
{
  Request request;
  uint8_t on = 1;
  struct ifinfomsg info = { .ifi_family = AF_BRIDGE, .ifi_index = need_index (fd, name) };

  request_start (&request, RTM_SETLINK, 0, &info, sizeof info);
  struct rtattr *port = request_nest (&request, IFLA_PROTINFO | NLA_F_NESTED);
  request_put (&request, IFLA_BRPORT_MODE, &on, sizeof on);
  request_end (&request, port);
  if (netlink_ask (fd, &request) < 0)
    die ("network: hairpin", name);
}

/* veth NAME BRIDGE PEER MAC: PEER is born inside the namespace. */
static void
op_veth (State *state, char **argument)
{
  Request request;
  uint8_t mac[6];
  int bridge = need_index (state->home_link, argument[1]);
  struct ifinfomsg info = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
  struct ifinfomsg peer = { .ifi_family = AF_UNSPEC };

  parse_mac (argument[3], mac);
  request_start (&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info);
  request_put_text (&request, IFLA_IFNAME, argument[0]);
  request_put (&request, IFLA_MASTER, &bridge, sizeof bridge);
  struct rtattr *link = request_nest (&request, IFLA_LINKINFO);
  request_put_text (&request, IFLA_INFO_KIND, "veth");
  struct rtattr *data = request_nest (&request, IFLA_INFO_DATA);
  struct rtattr *end = request_nest (&request, VETH_INFO_PEER);
  request_put_raw (&request, &peer, sizeof peer);
  request_put_text (&request, IFLA_IFNAME, argument[2]);
  request_put (&request, IFLA_ADDRESS, mac, sizeof mac);
  request_put (&request, IFLA_NET_NS_FD, &state->inner, sizeof state->inner);
  request_end (&request, end);
  request_end (&request, data);
  request_end (&request, link);
  if (netlink_ask (state->home_link, &request) < 0 && errno != EEXIST)
    die ("network: veth", argument[0]);
  set_hairpin (state->home_link, argument[0]);
}

/* address LINK ADDRESS/PREFIX: inside the namespace. */
static void
op_address (State *state, char **argument)
{
  if (new_address (state->inner_link, argument[0], argument[1]) < 0 && errno != EEXIST)
    die ("network: address", argument[1]);
}

/* host-address LINK ADDRESS/PREFIX: on a link of the machine. */
static void
op_host_address (State *state, char **argument)
{
  if (new_address (state->home_link, argument[0], argument[1]) < 0 && errno != EEXIST)
    die ("network: host address", argument[1]);
}

/* forget-host-address LINK ADDRESS/PREFIX */
static void
op_forget_host_address (State *state, char **argument)
{
  Request request;
  Address address = parse_address (argument[1]);
  struct ifaddrmsg info = { .ifa_family = address.family, .ifa_prefixlen = address.prefix };

  info.ifa_index = need_index (state->home_link, argument[0]);
  request_start (&request, RTM_DELADDR, 0, &info, sizeof info);
  request_put (&request, IFA_LOCAL, address.bytes, address.size);
  if (netlink_ask (state->home_link, &request) < 0 && errno != EADDRNOTAVAIL)
    die ("network: forget host address", argument[1]);
}

/* up LINK: inside the namespace. */
static void
op_up (State *state, char **argument)
{
  Request request;
  struct ifinfomsg info = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };

  info.ifi_index = need_index (state->inner_link, argument[0]);
  request_start (&request, RTM_NEWLINK, 0, &info, sizeof info);
  if (netlink_ask (state->inner_link, &request) < 0)
    die ("network: up", argument[0]);
}

/* gateway ADDRESS: the default route inside the namespace. */
static void
op_gateway (State *state, char **argument)
{
  Request request;
  Address gateway = parse_address (argument[0]);
  struct rtmsg route = { .rtm_family = gateway.family, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_BOOT, .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST };

  request_start (&request, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &route, sizeof route);
  request_put (&request, RTA_GATEWAY, gateway.bytes, gateway.size);
  if (netlink_ask (state->inner_link, &request) < 0 && errno != EEXIST)
    die ("network: gateway", argument[0]);
}

/* sysctl PATH VALUE: inside the namespace, PATH below /proc/sys/net. */
static void
op_sysctl (State *state, char **argument)
{
  char path[256];

  if (strstr (argument[0], "..") != NULL || (size_t) snprintf (path, sizeof path, "/proc/sys/net/%s", argument[0]) >= sizeof path)
    {
      errno = EINVAL;
      die ("network: sysctl", argument[0]);
    }
  enter (state->inner);
  write_sysctl (path, argument[1]);
  enter (state->home);
}

/* host-sysctl PATH VALUE: on the machine itself. */
static void
op_host_sysctl (State *state, char **argument)
{
  char path[256];

  (void) state;
  if (strstr (argument[0], "..") != NULL || (size_t) snprintf (path, sizeof path, "/proc/sys/net/%s", argument[0]) >= sizeof path)
    {
      errno = EINVAL;
      die ("network: sysctl", argument[0]);
    }
  write_sysctl (path, argument[1]);
}

static void
set_mtu (int fd, const char *name, uint32_t mtu)
{
  Request request;
  struct ifinfomsg info = { .ifi_index = need_index (fd, name) };

  request_start (&request, RTM_NEWLINK, 0, &info, sizeof info);
  request_put (&request, IFLA_MTU, &mtu, sizeof mtu);
  if (netlink_ask (fd, &request) < 0)
    die ("network: mtu", name);
}

/* mtu LINK PEER BYTES: of both ends of a pair. */
static void
op_mtu (State *state, char **argument)
{
  uint32_t mtu = (uint32_t) strtoul (argument[2], NULL, 10);

  set_mtu (state->home_link, argument[0], mtu);
  set_mtu (state->inner_link, argument[1], mtu);
}

/* remove-link NAME */
static void
op_remove_link (State *state, char **argument)
{
  Request request;
  struct ifinfomsg info = { .ifi_family = AF_UNSPEC };

  request_start (&request, RTM_DELLINK, 0, &info, sizeof info);
  request_put_text (&request, IFLA_IFNAME, argument[0]);
  if (netlink_ask (state->home_link, &request) < 0 && errno != ENODEV)
    die ("network: remove link", argument[0]);
}

/* forget-flow PROTOCOL ADDRESS:PORT ENDPOINT, or forget-flow * * ENDPOINT: connections to services that conntrack sends to an endpoint of old. */
static void
op_forget_flow (State *state, char **argument)
{
  (void) state;
  forget_flows (argument[0], argument[1], argument[2]);
}

static const struct
{
  const char *name;
  int arguments;
  void (*act) (State *state, char **argument);
} operations[] = {
  { "netns", 1, op_netns },     { "forget-netns", 1, op_forget_netns }, { "bridge", 3, op_bridge },   { "veth", 4, op_veth },
  { "address", 2, op_address }, { "up", 1, op_up },                     { "gateway", 1, op_gateway }, { "sysctl", 2, op_sysctl },
  { "remove-link", 1, op_remove_link },
  { "host-sysctl", 2, op_host_sysctl },
  { "mtu", 3, op_mtu },
  { "host-address", 2, op_host_address },
  { "forget-host-address", 2, op_forget_host_address },
  { "forget-flow", 3, op_forget_flow },
};

static int
perform (State *state, int argc, char **argv)
{
  for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
    if (strcmp (argv[0], operations[i].name) == 0 && operations[i].arguments < argc)
      {
        operations[i].act (state, argv + 1);
        return operations[i].arguments + 1;
      }
  errno = EINVAL;
  die ("network: operation", argv[0]);
}

int
main (int argc, char **argv)
{
  State state = { .home = open ("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), .inner = -1, .inner_link = -1 };

  if (state.home < 0)
    die ("network", "/proc/thread-self/ns/net");
  state.home_link = netlink_open ();
  for (int at = 1; at < argc;)
    at += perform (&state, argc - at, argv + at);
  return 0;
}
