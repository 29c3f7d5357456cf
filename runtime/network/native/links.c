/* Links: bridges, pairs between a bridge and a namespace, and what they are set to. */
#define _GNU_SOURCE
#include "common.h"
#include "netlink.h"
#include "operations.h"
#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/veth.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static void
parse_mac (const char *text, uint8_t mac[6])
{
  if (sscanf (text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) != 6)
    die_of (EINVAL, "network: mac", text);
}

/* bridge NAME ADDRESS/PREFIX MAC: a fixed mac, else it changes with the lowest port. */
void
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

static int
new_veth (State *state, char **argument)
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
  return netlink_ask (state->home_link, &request);
}

/* veth NAME BRIDGE PEER MAC: PEER is born inside the namespace. A link of that name which leads elsewhere goes with a namespace that is
   being given back, some milliseconds after its owner forgot it: it makes room. */
void
op_veth (State *state, char **argument)
{
  int made = new_veth (state, argument);

  if (made < 0 && errno == EEXIST && netlink_index (state->inner_link, argument[2]) == 0)
    {
      op_remove_link (state, argument);
      made = new_veth (state, argument);
    }
  if (made < 0 && errno != EEXIST)
    die ("network: veth", argument[0]);
  set_hairpin (state->home_link, argument[0]);
}

/* up LINK: inside the namespace. */
void
op_up (State *state, char **argument)
{
  Request request;
  struct ifinfomsg info = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };

  info.ifi_index = need_index (state->inner_link, argument[0]);
  request_start (&request, RTM_NEWLINK, 0, &info, sizeof info);
  if (netlink_ask (state->inner_link, &request) < 0)
    die ("network: up", argument[0]);
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
void
op_mtu (State *state, char **argument)
{
  uint32_t mtu = (uint32_t) strtoul (argument[2], NULL, 10);

  set_mtu (state->home_link, argument[0], mtu);
  set_mtu (state->inner_link, argument[1], mtu);
}

/* remove-link NAME */
void
op_remove_link (State *state, char **argument)
{
  if (netlink_remove (state->home_link, argument[0]) < 0 && errno != ENODEV)
    die ("network: remove link", argument[0]);
}

/* unplug NAME: off its bridge at once; the link itself goes with the namespace at its other end, which nobody waits for. */
void
op_unplug (State *state, char **argument)
{
  Request request;
  int none = 0;
  struct ifinfomsg info = { .ifi_index = netlink_index (state->home_link, argument[0]) };

  if (info.ifi_index == 0)
    return;
  request_start (&request, RTM_SETLINK, 0, &info, sizeof info);
  request_put (&request, IFLA_MASTER, &none, sizeof none);
  if (netlink_ask (state->home_link, &request) < 0 && errno != ENODEV)
    die ("network: unplug", argument[0]);
}
