/* The list of operations that TypeScript lowers a spec to: records of fields, made once, walked in order.
   Encoding, all integers u32 little-endian: total bytes, then records; a record is its field count, then fields;
   a field is its length, its bytes and a NUL. Field 0 is the operation's name. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define MAX_OPERATIONS_BYTES (8u << 20)

typedef struct
{
  char *data;
  size_t size;
  size_t offset;
} Operations;

/* Reads one whole list from `fd`; dies on a broken one. */
void operations_read (Operations *list, int fd);
/* The next record as a NULL-terminated array in `*fields` (reallocated as needed), or 0 at the end. */
size_t operations_next (Operations *list, char ***fields);
void operations_free (Operations *list);

/* One kind of operation. `least` fields follow its name at least; what is wanted of them is told above its function. */
typedef struct
{
  const char *name;
  size_t least;
  void (*run) (char **fields);
} OperationKind;

/* Runs the one of `kinds` that record `fields`, `count` of them, names; dies on an unknown one and on one that lacks fields. */
void operation_run (const OperationKind *kinds, size_t kind_count, char **fields, size_t count);

/* `count` fields from `at` on, at least one, as a list of their own: they move one down to make room for its NULL; dies when there are fewer. */
char **field_list (char **fields, size_t at, size_t count);
/* Bytes of a field that may hold NULs. */
uint32_t field_length (const char *field);
/* A decimal or 0x number; dies when it is none. */
long long field_number (const char *field);
