/* schemas: share/http/schemas.json in the binary; the table is written by cmake/embed.cmake. */
#ifndef ORCH_WEB_SCHEMAS_H
#define ORCH_WEB_SCHEMAS_H

struct web_schemas {
    const char *kind, *name, *text;
};
extern const struct web_schemas web_schemas[];

#endif
