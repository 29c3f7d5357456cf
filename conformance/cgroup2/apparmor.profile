# What the containers of the checks are confined by: all is allowed but two files.
profile strata-check flags=(attach_disconnected) {
  file,
  capability,
  network,
  signal,
  unix,
  ptrace,
  mount,
  umount,
  deny /secret rw,
}

# For what is executed beside a program.
profile strata-other flags=(attach_disconnected) {
  file,
  capability,
  signal,
  deny /other rw,
}
