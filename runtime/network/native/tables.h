/* Tables of nf_tables, where no nft need be found. Spec: linux/netfilter/nf_tables.h. */
#pragma once

/* Removes what a root's networks have, strata_TAG of IPv4 and IPv6. */
void remove_tables (const char *tag);
