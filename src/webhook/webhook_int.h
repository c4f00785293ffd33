/* webhook_int: reading of foreign JSON, for the files of webhook/. */
#ifndef ORCH_WEBHOOK_WEBHOOK_INT_H
#define ORCH_WEBHOOK_WEBHOOK_INT_H

#include "webhook/webhook.h"

/* Sets facts[key] to the first text found at one of the paths (NULL-ended); leaves it out when there is none. */
void facts_take(struct json *facts, const char *key, struct json *from, const char *const *paths);
#define FACT(facts, key, from, ...) facts_take((facts), (key), (from), (const char *const[]){ __VA_ARGS__, NULL })

/* The event's name if it looks like one ([a-z0-9_.], at most 64), else "unknown". Caller frees. */
char *facts_kind(const char *name);

#endif
