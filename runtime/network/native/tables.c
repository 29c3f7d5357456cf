/* Deletes tables: a batch each, since what is not there would undo the whole of it. */
#define _GNU_SOURCE
#include "tables.h"
#include "netlink.h"
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The attribute has its zero byte, and messages are aligned. */
static size_t
put_message (char *at, uint16_t type, uint8_t family, uint16_t subsystem, const char *table)
{
  Request request;
  struct nfgenmsg head = { .nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons (subsystem) };

  request_start (&request, type, 0, &head, sizeof head);
  request.header.nlmsg_flags = NLM_F_REQUEST;
  if (table != NULL)
    request_put_text (&request, NFTA_TABLE_NAME, table);
  memcpy (at, &request, request.header.nlmsg_len);
  return NLMSG_ALIGN (request.header.nlmsg_len);
}

static void
remove_table (int fd, uint8_t family, const char *table)
{
  char batch[512] = "";
  size_t length = put_message (batch, NFNL_MSG_BATCH_BEGIN, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, NULL);

  length += put_message (batch + length, (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_DELTABLE, family, 0, table);
  length += put_message (batch + length, NFNL_MSG_BATCH_END, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, NULL);
  send (fd, batch, length, 0); /* gone already, or never made: as well */
}

void
remove_tables (const char *tag)
{
  char table[32];
  int fd = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

  if (fd < 0)
    return; /* a kernel without them */
  snprintf (table, sizeof table, "strata_%s", tag);
  remove_table (fd, NFPROTO_IPV4, table);
  remove_table (fd, NFPROTO_IPV6, table);
  close (fd);
}
