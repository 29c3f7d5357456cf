/* Builds rtnetlink requests and waits for their acknowledgement. */
#define _GNU_SOURCE
#include "netlink.h"
#include "common.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int
netlink_open (void)
{
  int fd = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

  if (fd < 0)
    die ("network", "netlink socket");
  return fd;
}

static void *
reserve (Request *request, size_t length)
{
  size_t start = NLMSG_ALIGN (request->header.nlmsg_len);

  if (start + NLMSG_ALIGN (length) > sizeof *request)
    die_of (EMSGSIZE, "network", "netlink request");
  request->header.nlmsg_len = start + NLMSG_ALIGN (length); /* a nest must end within the message */
  return (char *) request + start;
}

void
request_put_raw (Request *request, const void *data, size_t length)
{
  memcpy (reserve (request, length), data, length);
}

void
request_start (Request *request, uint16_t type, uint16_t flags, const void *fixed, size_t length)
{
  memset (request, 0, sizeof *request);
  request->header.nlmsg_len = NLMSG_HDRLEN;
  request->header.nlmsg_type = type;
  request->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
  request_put_raw (request, fixed, length);
}

void
request_put (Request *request, uint16_t type, const void *data, size_t length)
{
  struct rtattr *attribute = reserve (request, RTA_LENGTH (length));

  attribute->rta_type = type;
  attribute->rta_len = RTA_LENGTH (length);
  if (length > 0)
    memcpy (RTA_DATA (attribute), data, length);
}

void
request_put_text (Request *request, uint16_t type, const char *text)
{
  request_put (request, type, text, strlen (text) + 1);
}

struct rtattr *
request_nest (Request *request, uint16_t type)
{
  struct rtattr *nest = reserve (request, RTA_LENGTH (0));

  nest->rta_type = type;
  return nest;
}

void
request_end (Request *request, struct rtattr *nest)
{
  nest->rta_len = (char *) request + NLMSG_ALIGN (request->header.nlmsg_len) - (char *) nest;
}

int
netlink_ask (int fd, Request *request)
{
  union
  {
    struct nlmsghdr header;
    char bytes[8192];
  } answer;

  if (send (fd, request, request->header.nlmsg_len, 0) < 0)
    return -1;
  ssize_t got = recv (fd, &answer, sizeof answer, 0);
  if (got < 0)
    return -1;
  if ((size_t) got < NLMSG_LENGTH (sizeof (struct nlmsgerr)) || answer.header.nlmsg_type != NLMSG_ERROR)
    {
      errno = EPROTO;
      return -1;
    }
  errno = -((struct nlmsgerr *) NLMSG_DATA (&answer.header))->error;
  return errno == 0 ? 0 : -1;
}

int
netlink_index (int fd, const char *name)
{
  struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
  Request request;
  union
  {
    struct nlmsghdr header;
    char bytes[16384];
  } answer;

  request_start (&request, RTM_GETLINK, 0, &info, sizeof info);
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request_put_text (&request, IFLA_IFNAME, name);
  if (send (fd, &request, request.header.nlmsg_len, 0) < 0)
    return 0;
  if (recv (fd, &answer, sizeof answer, 0) < (ssize_t) NLMSG_LENGTH (sizeof info))
    return 0;
  return answer.header.nlmsg_type == RTM_NEWLINK ? ((struct ifinfomsg *) NLMSG_DATA (&answer.header))->ifi_index : 0;
}

int
netlink_remove (int fd, const char *name)
{
  Request request;
  struct ifinfomsg info = { .ifi_family = AF_UNSPEC };

  request_start (&request, RTM_DELLINK, 0, &info, sizeof info);
  request_put_text (&request, IFLA_IFNAME, name);
  return netlink_ask (fd, &request);
}
