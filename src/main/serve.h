/* serve: wires the rooms into one process, runs it, and takes it down in order. The only place that knows every room. */
#ifndef ORCH_MAIN_SERVE_H
#define ORCH_MAIN_SERVE_H

#include "base/err.h"
#include "config/config.h"

/* Runs until SIGTERM or SIGINT, or until this node was given up by the others. e->code tells failure from an orderly end. cfg changes in
 * place at SIGHUP. */
int serve(struct config *cfg, struct err *e);

/* Logs each agent whose command cannot be executed; answers how many. */
int serve_check_agents(struct config *cfg);

#endif
