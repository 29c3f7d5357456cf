/* What the fuzzers of the native programs share: one input after the other, each in a process of its own, all of them in
   namespaces of their own on a throw-away root, so that whatever an input asks for is done to nothing but that. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FUZZ_MAX_BYTES (1u << 20)

typedef struct
{
  uint8_t *bytes; /* FUZZ_MAX_BYTES of room */
  size_t size;
} Input;

/* Below `limit`; the same numbers for the same seed. */
uint64_t fuzz_random (uint64_t limit);
/* One or a few changes: flipped bytes, ends cut off, boundary numbers, pieces moved, doubled or taken from `other`. */
void fuzz_mutate (Input *input, const Input *other);

/* What is run with each input, in a child: never returns to the fuzzer. */
typedef void (*FuzzRun) (const Input *input);
/* Changes an input; fuzz_mutate where nothing is known of its form. */
typedef void (*FuzzChange) (Input *input, const Input *other);

/* main: SEED COUNT ROOT FILE…, the files being valid inputs, read below ROOT. Prints what was run; 1 when a sanitizer found something. */
int fuzz_main (int argc, char **argv, FuzzRun run, FuzzChange change);
