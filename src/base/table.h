/* table: rows of JSON as people read them. Nobody reads the fractions of a second, and what would tear a line (a line break, a tab) becomes
 * a space. Widths are counted in code points. */
#ifndef ORCH_BASE_TABLE_H
#define ORCH_BASE_TABLE_H

#include "base/json.h"
#include "base/str.h"

/* Appends an aligned table with a header line. rows: array of objects; columns: array of names, or NULL: all keys of the rows, each where it
 * occurs first. Numbers stand at the right. */
void table_render(struct buf *out, struct json *columns, struct json *rows);
/* Appends a line for each named member of the object: its name and its value. What is null, empty or absent is left out. */
void table_render_object(struct buf *out, struct json *columns, struct json *object);

/* The keys of the rows, each where it occurs first. Caller frees. */
struct json *table_columns(struct json *rows);

#endif
