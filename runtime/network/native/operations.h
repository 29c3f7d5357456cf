/* What strata-network is asked for, one function each, given its arguments. Idempotent, all of them. */
#pragma once

#include <stddef.h>

typedef struct
{
  int home;       /* the namespace that the helper was started in */
  int home_link;  /* netlink sockets of the two */
  int inner;      /* the namespace of `netns` */
  int inner_link;
} State;

/* Moves into a network namespace; what is done there ends with moving home again. */
void enter (int namespace);
/* Of a link that must be there. */
int need_index (int fd, const char *name);
/* Gives a link an address, "10.88.0.2/16" or "fd00::2/64"; negative with errno when it could not. */
int new_address (int fd, const char *name, const char *text);
void write_sysctl (const char *path, const char *value);

void op_address (State *state, char **argument);
void op_host_address (State *state, char **argument);
void op_forget_host_address (State *state, char **argument);
void op_gateway (State *state, char **argument);
void op_bridge (State *state, char **argument);
void op_veth (State *state, char **argument);
void op_up (State *state, char **argument);
void op_mtu (State *state, char **argument);
void op_remove_link (State *state, char **argument);
void op_unplug (State *state, char **argument);
void op_sysctl (State *state, char **argument);
void op_host_sysctl (State *state, char **argument);
