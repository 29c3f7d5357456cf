/* rtnetlink, as much of it as one container's link needs. Spec: rtnetlink(7), linux/if_link.h. */
#pragma once
#include <net/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

/* One request being built; what does not fit ends the program. */
typedef struct
{
  struct nlmsghdr header;
  char body[1000];
} Request;

/* A socket of the network namespace that the caller is in. */
int netlink_open (void);

void request_start (Request *request, uint16_t type, uint16_t flags, const void *fixed, size_t length);
void request_put (Request *request, uint16_t type, const void *data, size_t length);
void request_put_text (Request *request, uint16_t type, const char *text);
/* Attributes put between these two are the children of `type`. */
struct rtattr *request_nest (Request *request, uint16_t type);
void request_end (Request *request, struct rtattr *nest);
/* Raw bytes, for the ifinfomsg that VETH_INFO_PEER starts with. */
void request_put_raw (Request *request, const void *data, size_t length);

/* Sends and waits for the answer: 0, or -1 with errno. */
int netlink_ask (int fd, Request *request);
/* Index of a link, or 0. */
int netlink_index (int fd, const char *name);
/* Removes a link: 0, or -1 with errno. */
int netlink_remove (int fd, const char *name);
