/* health: asks the orchd of this host, at ORCH_LISTEN, whether it does its work. For the health check of a container, which has no curl. */
#ifndef ORCH_MAIN_HEALTH_H
#define ORCH_MAIN_HEALTH_H

#include "base/err.h"
#include "config/config.h"

/* 0 when GET /health says 200. ERR_INVALID: it cannot be asked; ERR_RETRY: nobody answered, or not that all is well. */
int health(const struct config *cfg, struct err *e);

#endif
