/* strata-tree VERB ARGUMENT…: trees of files, what Node has no call for.
   All verbs but `lock` speak records of little-endian numbers; store/native/ holds the other end. */
#include "common.h"
#include "tree.h"

int
main (int argc, char **argv)
{
  static const Verb verbs[] = {
    { "scan", scan_main }, { "apply", apply_main }, { "write", write_main }, { "capabilities", capabilities_main }, { "lock", lock_main },
  };

  return run_verb (verbs, sizeof verbs / sizeof *verbs, argc, argv);
}
