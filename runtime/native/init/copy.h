/* Copies of whole folders. */
#pragma once

/* Everything below one folder into another, empty one: owners, modes and times too; links are copied, never followed. */
void copy_up (int from, int to);
