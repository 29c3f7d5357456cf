/* Finds tracked flows by where they were sent and where translation took them, and deletes them. */
#define _GNU_SOURCE
#include "flows.h"
#include "common.h"
#include "netlink.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

typedef struct
{
  bool all; /* of every service */
  uint8_t protocol;
  struct in_addr address;
  uint16_t port; /* network order */
  struct in_addr endpoint;
} Wanted;

typedef const struct nlattr *Attributes[CTA_MAX + 1];

static const void *
payload (const struct nlattr *attribute)
{
  return (const char *) attribute + NLA_HDRLEN;
}

/* Attributes of `length` bytes, by type; types beyond the table are left out. */
static void
read_attributes (Attributes found, const void *start, size_t length)
{
  const char *at = start;

  memset (found, 0, sizeof (Attributes));
  while (length >= NLA_HDRLEN)
    {
      const struct nlattr *attribute = (const struct nlattr *) at;
      size_t step = NLA_ALIGN (attribute->nla_len);
      if (attribute->nla_len < NLA_HDRLEN || attribute->nla_len > length)
        return;
      if ((attribute->nla_type & NLA_TYPE_MASK) <= CTA_MAX)
        found[attribute->nla_type & NLA_TYPE_MASK] = attribute;
      if (step >= length)
        return;
      at += step;
      length -= step;
    }
}

static void
read_nest (Attributes found, const struct nlattr *nest)
{
  read_attributes (found, payload (nest), nest == NULL ? 0 : (size_t) nest->nla_len - NLA_HDRLEN);
}

static bool
holds (const struct nlattr *attribute, const void *value, size_t length)
{
  return attribute != NULL && attribute->nla_len >= NLA_HDRLEN + length && memcmp (payload (attribute), value, length) == 0;
}

/* Sent to the service; or, of every service, to another address than the endpoint's own. */
static bool
was_sent (const Wanted *wanted, Attributes tuple)
{
  Attributes part;

  read_nest (part, tuple[CTA_TUPLE_IP]);
  if (wanted->all)
    return part[CTA_IP_V4_DST] != NULL && !holds (part[CTA_IP_V4_DST], &wanted->endpoint, sizeof wanted->endpoint);
  if (!holds (part[CTA_IP_V4_DST], &wanted->address, sizeof wanted->address))
    return false;
  read_nest (part, tuple[CTA_TUPLE_PROTO]);
  return holds (part[CTA_PROTO_NUM], &wanted->protocol, 1) && holds (part[CTA_PROTO_DST_PORT], &wanted->port, sizeof wanted->port);
}

static bool
matches (const Wanted *wanted, const struct nlattr *original, const struct nlattr *reply)
{
  Attributes tuple, part;

  if (original == NULL || reply == NULL)
    return false;
  read_nest (tuple, original);
  if (tuple[CTA_TUPLE_IP] == NULL || tuple[CTA_TUPLE_PROTO] == NULL || !was_sent (wanted, tuple))
    return false;
  read_nest (tuple, reply);
  if (tuple[CTA_TUPLE_IP] == NULL)
    return false;
  read_nest (part, tuple[CTA_TUPLE_IP]);
  return holds (part[CTA_IP_V4_SRC], &wanted->endpoint, sizeof wanted->endpoint);
}

static void
start (Request *request, uint16_t type, uint16_t flags)
{
  struct nfgenmsg family = { .nfgen_family = AF_INET, .version = NFNETLINK_V0 };

  request_start (request, (NFNL_SUBSYS_CTNETLINK << 8) | type, flags, &family, sizeof family);
}

static void
delete_flow (int fd, const struct nlattr *original)
{
  Request request;

  start (&request, IPCTNL_MSG_CT_DELETE, 0);
  request_put_raw (&request, original, original->nla_len);
  if (netlink_ask (fd, &request) < 0 && errno != ENOENT)
    die ("network: forget flow", "conntrack");
}

static Wanted
parse (const char *protocol, const char *service, const char *endpoint)
{
  Wanted wanted = { .all = strcmp (service, "*") == 0, .protocol = strcmp (protocol, "tcp") == 0 ? IPPROTO_TCP : IPPROTO_UDP };
  char address[32];

  snprintf (address, sizeof address, "%s", service);
  char *colon = strchr (address, ':');
  if (colon != NULL)
    *colon = '\0';
  bool named = wanted.all || (colon != NULL && inet_pton (AF_INET, address, &wanted.address) == 1);
  if (!named || inet_pton (AF_INET, endpoint, &wanted.endpoint) != 1)
    die_of (EINVAL, "network: forget flow", service);
  wanted.port = colon == NULL ? 0 : htons ((uint16_t) atoi (colon + 1));
  return wanted;
}

/* Deletes what matches of one part of the kernel's list; false at its end. `length` is signed: NLMSG_NEXT may take more than is left. */
static bool
read_part (const char *part, ssize_t length, const Wanted *wanted, int deleter)
{
  const size_t skip = NLMSG_ALIGN (sizeof (struct nfgenmsg));

  for (const struct nlmsghdr *message = (const struct nlmsghdr *) part; NLMSG_OK (message, length); message = NLMSG_NEXT (message, length))
    {
      Attributes flow;
      if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR)
        return false;
      if (message->nlmsg_len < NLMSG_HDRLEN + skip)
        continue;
      read_attributes (flow, (const char *) NLMSG_DATA (message) + skip, message->nlmsg_len - NLMSG_HDRLEN - skip);
      if (matches (wanted, flow[CTA_TUPLE_ORIG], flow[CTA_TUPLE_REPLY]))
        delete_flow (deleter, flow[CTA_TUPLE_ORIG]);
    }
  return true;
}

void
forget_flows (const char *protocol, const char *service, const char *endpoint)
{
  Wanted wanted = parse (protocol, service, endpoint);
  AUTO_CLOSE int list = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  AUTO_CLOSE int deleter = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  Request request;
  static _Alignas(struct nlmsghdr) char part[65536];

  start (&request, IPCTNL_MSG_CT_GET, NLM_F_DUMP);
  if (list < 0 || deleter < 0 || send (list, &request, request.header.nlmsg_len, 0) < 0)
    die ("network: list flows", "conntrack");
  for (;;)
    {
      ssize_t got = recv (list, part, sizeof part, 0);
      if (got < 0)
        die ("network: list flows", "conntrack");
      if (!read_part (part, got, &wanted, deleter))
        return;
    }
}
