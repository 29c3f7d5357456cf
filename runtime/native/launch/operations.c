/* Reading the operation list. */
#define _GNU_SOURCE
#include "operations.h"
#include "common.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
read_whole (int fd, char *data, size_t size)
{
  for (size_t have = 0; have < size;)
    {
      ssize_t n = TEMP_FAILURE_RETRY (read (fd, data + have, size - have));
      if (n <= 0)
        die_of (n == 0 ? EPIPE : errno, "read", "operations");
      have += n;
    }
}

void
operations_read (Operations *list, int fd)
{
  uint32_t size;

  read_whole (fd, (char *) &size, sizeof size);
  if (size > MAX_OPERATIONS_BYTES)
    die_of (E2BIG, "read", "operations");
  *list = (Operations) { .data = malloc (size), .size = size };
  if (list->data == NULL)
    die ("allocate", "operations");
  read_whole (fd, list->data, size);
}

static uint32_t
take_number (Operations *list)
{
  uint32_t value;

  if (list->size - list->offset < sizeof value)
    die_of (EBADMSG, "parse", "operations");
  memcpy (&value, list->data + list->offset, sizeof value);
  list->offset += sizeof value;
  return value;
}

static char *
take_field (Operations *list)
{
  uint32_t length = take_number (list);
  char *field = list->data + list->offset;

  if (list->size - list->offset <= length || field[length] != '\0')
    die_of (EBADMSG, "parse", "operations");
  list->offset += (size_t) length + 1;
  return field;
}

size_t
operations_next (Operations *list, char ***fields)
{
  if (list->offset >= list->size)
    return 0;
  uint32_t count = take_number (list);
  char **array = count > list->size ? NULL : reallocarray (*fields, (size_t) count + 1, sizeof *array);
  if (array == NULL)
    die ("allocate", "operations");
  *fields = array;
  for (uint32_t i = 0; i < count; i++)
    array[i] = take_field (list);
  array[count] = NULL;
  return count;
}

void
operations_free (Operations *list)
{
  free (list->data);
  *list = (Operations) { 0 };
}

void
operation_run (const OperationKind *kinds, size_t kind_count, char **fields, size_t count)
{
  for (size_t i = 0; i < kind_count; i++)
    if (strcmp (fields[0], kinds[i].name) == 0)
      {
        if (count <= kinds[i].least)
          die_of (EBADMSG, "operation", fields[0]);
        return kinds[i].run (fields);
      }
  die_of (ENOSYS, "operation", fields[0]);
}

char **
field_list (char **fields, size_t at, size_t count)
{
  size_t given = 0;

  while (given < count && fields[at + given] != NULL)
    given++;
  if (given < count || count == 0)
    die_of (EBADMSG, "operation", fields[0]);
  char **list = memmove (fields + at - 1, fields + at, count * sizeof *fields);
  list[count] = NULL;
  return list;
}

uint32_t
field_length (const char *field)
{
  uint32_t length;

  memcpy (&length, field - sizeof length, sizeof length);
  return length;
}

long long
field_number (const char *field)
{
  char *end;

  errno = 0;
  long long value = strtoll (field, &end, 0);
  if (errno == 0 && (end == field || *end != '\0'))
    errno = EINVAL;
  if (errno != 0)
    die ("number", field);
  return value;
}
