/* Addresses of links, and the way out of a namespace. */
#define _GNU_SOURCE
#include "common.h"
#include "netlink.h"
#include "operations.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

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
    die_of (EINVAL, "network: address", text);
  address.size = address.family == AF_INET ? 4 : 16;
  address.prefix = (unsigned char) (slash == NULL ? address.size * 8 : (size_t) atoi (slash + 1));
  return address;
}

int
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

/* address LINK ADDRESS/PREFIX: inside the namespace. */
void
op_address (State *state, char **argument)
{
  if (new_address (state->inner_link, argument[0], argument[1]) < 0 && errno != EEXIST)
    die ("network: address", argument[1]);
}

/* host-address LINK ADDRESS/PREFIX: on a link of the machine. */
void
op_host_address (State *state, char **argument)
{
  if (new_address (state->home_link, argument[0], argument[1]) < 0 && errno != EEXIST)
    die ("network: host address", argument[1]);
}

/* forget-host-address LINK ADDRESS/PREFIX */
void
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

/* gateway ADDRESS: the default route inside the namespace. */
void
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
