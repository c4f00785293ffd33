/* call: what the verbs of all three peers have in common: a handle, and the judgement of an answer.
 * A verb answers exactly once, in a later turn, and never after api_cancel(). No verb retries: the outbox does. */
#ifndef ORCH_API_CALL_H
#define ORCH_API_CALL_H

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "fetch/fetch.h"

struct api_call;

void api_cancel(struct api_call *c); /* NULL is fine; not from inside the call's own callback, whose handle is already dead */

/* What an answer comes to. Returns the code set in *e, after "peer: what":
 *   ERR_RETRY    no answer, 408, 429, 5xx, "try again later", or a success whose body is not the JSON that it should be
 *   ERR_DENIED   401, 403     ERR_GONE  404, 410     ERR_INVALID  any other refusal, and a redirect
 * *json is the body if it is a JSON object or array, whatever the status, else NULL; the caller frees it.
 * needs_json: whether a success without such a body is an error. Bodies are never trusted, and quoted only where they name a reason. */
int api_judge(struct json **json, const struct fetch_response *r, const struct err *failed, const char *peer, bool needs_json,
              struct err *e);

/* url without its final slashes; caller frees. */
char *api_base_url(const char *url);
/* Appends text with everything percent-encoded that is not unreserved in an URL. NULL adds nothing. */
void api_add_encoded(struct buf *b, const char *text);

#endif
