/* Copies of whole folders. */
#pragma once

/* Everything below one folder into another, empty one: owners, modes and times too; links are copied, never followed. `depth` of these are above. */
void copy_up (int from, int to, int depth);
