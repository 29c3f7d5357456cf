#pragma once
#include "answer.h"
#include <netinet/in.h>
#include <poll.h>

#define MAX_FORWARDED 64 /* questions under way at once */

/* False when it cannot be asked: the client is to hear of it. */
bool forward_datagram (const Config *config, const uint8_t *query, size_t size, const struct sockaddr_in *client);

/* Fills MAX_FORWARDED entries; milliseconds until a server is late, -1 while none is asked. */
int forward_poll (struct pollfd *polled);

/* Hands on what has come, over `datagrams`, and asks the next server for what is late. */
void forward_turn (const struct pollfd *polled, int datagrams);

/* Answers the questions of one TCP connection. */
void serve_connection (int fd, const char *config);
