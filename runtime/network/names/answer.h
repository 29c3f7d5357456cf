#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_MESSAGE 65535
#define MAX_SERVERS 8
#define MAX_NETWORKS 32

/* What is served: read from its file again for every question, so that nobody has to be told of changes. */
typedef struct
{
  char networks[MAX_NETWORKS][512]; /* files of names */
  int network_count;
  char servers[MAX_SERVERS][64];
  int server_count;
} Config;

bool read_config (const char *path, Config *config);

/* Bytes of the answer in `reply`; 0 when the question is for other servers, or for nobody. */
size_t answer_locally (const Config *config, const uint8_t *query, size_t size, uint8_t *reply);
size_t answer_failure (const uint8_t *query, size_t size, uint8_t *reply);
