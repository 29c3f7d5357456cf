/* The monitor's clients: whoever asked for the launch, and who attached. One chunk of output is under way to them at a time. */
#pragma once

#include "launch.h"
#include <poll.h>

#define MAX_CLIENTS 32
#define CHUNK_BYTES 32768

void clients_open (Launch *launch);
/* Takes `fd` over; false, and it is closed, when there are too many. */
bool client_add (int fd, bool output);
/* A frame to all of them; one that does not take it is dropped. */
void clients_tell (enum frame type, const void *data, uint32_t size);
/* What to poll of them, at most MAX_CLIENTS; returns how many. */
size_t clients_prepare (struct pollfd *slots);
/* Reads what they sent, as the `count` polled slots tell, and sends on what they take. */
void clients_serve (const struct pollfd *slots, size_t count);
void clients_drop (void);

/* Where the next chunk's bytes go; none may be pending. */
unsigned char *chunk_bytes (void);
void chunk_send (enum frame type, uint32_t size);
/* Not all have it whole. */
bool chunk_pending (void);
/* Drops those that still do not have it. */
void chunk_give_up (void);
