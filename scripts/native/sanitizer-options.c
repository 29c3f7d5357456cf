/* Of the sanitized builds: programs that are started with no environment, and that end where nobody can read a report of leaks. */
const char *
__asan_default_options (void)
{
  return "detect_leaks=0:exitcode=99:handle_segv=1:allocator_may_return_null=1";
}
