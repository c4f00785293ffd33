/* describe_http: prints what GET /openapi.json answers, for tools/gen-docs. */
#include <stdio.h>
#include <sysexits.h>

#include "base/json.h"
#include "web/web.h"

int
main(void)
{
    struct json *api = web_openapi("");
    int          status = puts(json_text(api)) < 0 || fflush(stdout) ? EX_IOERR : EX_OK;

    json_free(api);
    return status;
}
