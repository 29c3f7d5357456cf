/* The helper: one small static program that makes the system calls Node cannot.
   It knows system calls, not OCI: TypeScript lowers every wish to a list of operations. */
#pragma once

#define AUTO_CLOSE __attribute__ ((cleanup (close_fd)))
#define AUTO_FREE __attribute__ ((cleanup (free_pointer)))

void close_fd (int *fd);
void free_pointer (void *pointer);

/* Writes "step\0object\0errno-name\0" to the report descriptor (if any) and to stderr, then exits 125. */
void die (const char *step, const char *object) __attribute__ ((noreturn));

/* Verbs: argv[0] is the verb. Each returns the exit status. */
int files_main (int argc, char **argv);
int guard_main (int argc, char **argv);
int network_main (int argc, char **argv);
