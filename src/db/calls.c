/* calls: the table of calls.def. */
#include <stdlib.h>

#include "db/db_int.h"

const struct call_def db_call_defs[CALL_COUNT] = {
#define CALL(name, params, sql) { #name, params, sql },
#include "db/calls.def"
#undef CALL
};

int
call_def_params(const char *sql)
{
    long highest = 0;

    for (const char *at = sql; *at; at++) {
        if (*at == '$') {
            long n = strtol(at + 1, NULL, 10);
            highest = n > highest ? n : highest;
        }
    }
    return (int)highest;
}
