/* strata-helper VERB ARGUMENT…: makes containers and monitors them. */
#include "common.h"
#include "verbs.h"

int
main (int argc, char **argv)
{
  static const Verb verbs[] = { { "launch", launch_main }, { "pack", pack_main }, { "unpack", unpack_main }, { "show", show_main } };

  return run_verb (verbs, sizeof verbs / sizeof *verbs, argc, argv);
}
