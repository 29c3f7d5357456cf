/* Questions about containers, answered from the files of their networks: lines of NAME ADDRESS ADDRESS6, `-` where there is none. Spec: RFC 1035. */
#define _GNU_SOURCE
#include "answer.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER 12
#define MAX_ANSWERS 32
#define TTL_SECONDS 600 /* as docker has it */

enum { TYPE_A = 1, TYPE_PTR = 12, TYPE_AAAA = 28, TYPE_ANY = 255 };
enum { NO_ERROR = 0, SERVER_FAILURE = 2 };

typedef struct
{
  char name[256]; /* lower case, without its last dot */
  unsigned type;
  size_t end; /* of the question */
} Question;

typedef struct
{
  bool known;
  int count;
  char addresses[MAX_ANSWERS][48];
  char name[256]; /* of PTR */
} Found;

bool
read_config (const char *path, Config *config)
{
  char key[16], value[512], line[600];
  FILE *file = fopen (path, "re");

  memset (config, 0, sizeof *config);
  if (file == NULL)
    return false;
  while (fgets (line, sizeof line, file) != NULL)
    {
      if (sscanf (line, "%15s %511s", key, value) != 2)
        continue;
      if (strcmp (key, "network") == 0 && config->network_count < MAX_NETWORKS)
        snprintf (config->networks[config->network_count++], sizeof *config->networks, "%s", value);
      else if (strcmp (key, "server") == 0 && config->server_count < MAX_SERVERS)
        snprintf (config->servers[config->server_count++], sizeof *config->servers, "%.63s", value);
    }
  fclose (file);
  return true;
}

static bool
read_question (const uint8_t *query, size_t size, Question *question)
{
  size_t at = HEADER, length = 0;

  if (size < HEADER || (query[2] & 0xf8) != 0 || query[4] != 0 || query[5] != 1) /* a query, of one question */
    return false;
  while (at < size && query[at] != 0)
    {
      uint8_t label = query[at++];
      if (label > 63 || at + label >= size || length + label + 1 >= sizeof question->name)
        return false;
      if (length > 0)
        question->name[length++] = '.';
      for (; label > 0; label--)
        question->name[length++] = (char) tolower (query[at++]);
    }
  if (at + 5 > size)
    return false;
  question->name[length] = '\0';
  question->type = (unsigned) query[at + 1] << 8 | query[at + 2];
  question->end = at + 5;
  return strlen (question->name) == length; /* no name has a zero byte in it */
}

/* "2.0.88.10.in-addr.arpa" and the nibbles of ip6.arpa, as the address that they stand for. */
static bool
reverse_address (const char *name, char *address, size_t size)
{
  unsigned part[4];
  int used = 0;
  struct in6_addr six;

  if (sscanf (name, "%u.%u.%u.%u.in-addr.arpa%n", part, part + 1, part + 2, part + 3, &used) == 4 && used > 0 && name[used] == '\0')
    return snprintf (address, size, "%u.%u.%u.%u", part[3], part[2], part[1], part[0]) < (int) size;
  if (strlen (name) != 72 || strcmp (name + 64, "ip6.arpa") != 0)
    return false;
  for (int i = 0; i < 16; i++)
    {
      char byte[3] = { name[62 - i * 4], name[60 - i * 4], '\0' };
      six.s6_addr[i] = (uint8_t) strtoul (byte, NULL, 16);
    }
  return inet_ntop (AF_INET6, &six, address, (socklen_t) size) != NULL;
}

static void
take (Found *found, const char *address)
{
  if (strcmp (address, "-") != 0 && found->count < MAX_ANSWERS)
    snprintf (found->addresses[found->count++], sizeof *found->addresses, "%s", address);
}

static void
search_file (const char *path, const Question *question, const char *wanted, Found *found)
{
  char line[512], name[256], four[48], six[48];
  FILE *file = fopen (path, "re");

  if (file == NULL)
    return;
  while (fgets (line, sizeof line, file) != NULL)
    {
      if (sscanf (line, "%255s %47s %47s", name, four, six) != 3)
        continue;
      if (wanted != NULL && !found->known && (strcmp (wanted, four) == 0 || strcmp (wanted, six) == 0))
        {
          found->known = true;
          snprintf (found->name, sizeof found->name, "%s", name);
        }
      if (wanted != NULL || strcasecmp (name, question->name) != 0)
        continue;
      found->known = true;
      if (question->type == TYPE_A || question->type == TYPE_ANY)
        take (found, four);
      if (question->type == TYPE_AAAA)
        take (found, six);
    }
  fclose (file);
}

static size_t
start_reply (const uint8_t *query, size_t end, int code, uint8_t *reply)
{
  memcpy (reply, query, end);
  reply[2] = 0x80 | (query[2] & 0x01);      /* an answer; recursion as desired */
  reply[3] = (uint8_t) (0x80 | code);       /* and available */
  memset (reply + 6, 0, 6);                 /* no records yet */
  return end;
}

static size_t
put_record (uint8_t *reply, size_t at, unsigned type, const void *data, size_t size)
{
  const uint8_t head[] = { 0xc0, HEADER, (uint8_t) (type >> 8), (uint8_t) type, 0, 1, 0, 0, TTL_SECONDS >> 8, TTL_SECONDS & 0xff, (uint8_t) (size >> 8), (uint8_t) size };

  memcpy (reply + at, head, sizeof head);
  memcpy (reply + at + sizeof head, data, size);
  reply[7]++;
  return at + sizeof head + size;
}

static size_t
put_name (uint8_t *reply, size_t at, const char *name)
{
  uint8_t data[258];
  size_t size = 0;

  for (const char *label = name; *label != '\0';)
    {
      size_t length = strcspn (label, ".");
      if (length == 0 || length > 63)
        break;
      data[size++] = (uint8_t) length;
      memcpy (data + size, label, length);
      size += length;
      label += length + (label[length] == '.');
    }
  data[size++] = 0;
  return put_record (reply, at, TYPE_PTR, data, size);
}

/* Clients take the first: each time another one is. */
static size_t
put_addresses (uint8_t *reply, size_t at, const Found *found, unsigned type)
{
  static unsigned turn;
  uint8_t binary[16];

  turn++;
  for (int i = 0; i < found->count; i++)
    {
      const char *address = found->addresses[(i + turn) % found->count];
      if (inet_pton (type == TYPE_AAAA ? AF_INET6 : AF_INET, address, binary) == 1)
        at = put_record (reply, at, type == TYPE_AAAA ? TYPE_AAAA : TYPE_A, binary, type == TYPE_AAAA ? 16 : 4);
    }
  return at;
}

size_t
answer_locally (const Config *config, const uint8_t *query, size_t size, uint8_t *reply)
{
  Question question;
  Found found = { 0 };
  char address[48];

  if (!read_question (query, size, &question))
    return 0;
  bool reverse = question.type == TYPE_PTR && reverse_address (question.name, address, sizeof address);
  for (int i = 0; i < config->network_count && (!reverse || !found.known); i++)
    search_file (config->networks[i], &question, reverse ? address : NULL, &found);
  if (!found.known)
    return 0;
  size_t at = start_reply (query, question.end, NO_ERROR, reply);
  return reverse ? put_name (reply, at, found.name) : put_addresses (reply, at, &found, question.type);
}

size_t
answer_failure (const uint8_t *query, size_t size, uint8_t *reply)
{
  Question question;

  return read_question (query, size, &question) ? start_reply (query, question.end, SERVER_FAILURE, reply) : 0;
}
