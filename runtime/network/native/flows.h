/* Flows that the kernel's connection tracking translates. Spec: linux/netfilter/nfnetlink_conntrack.h. */
#pragma once

/* Forgets the flows of `protocol` ("udp") to `service` ("10.96.0.10:53") that go to the address `endpoint`,
   so that the next datagram of such a client is translated anew. `*` as protocol and service: all that were translated to it. */
void forget_flows (const char *protocol, const char *service, const char *endpoint);
