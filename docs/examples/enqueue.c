/* Queues jobs with libpq: cc enqueue.c -o enqueue $(pkg-config --cflags --libs libpq) && DATABASE_URL=postgresql://… ./enqueue */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Answers the first value, "" when there is none; NULL when Postgres refused. Caller frees. */
static char *
ask(PGconn *pg, const char *sql, int count, const char *const *params)
{
    PGresult      *res = PQexecParams(pg, sql, count, NULL, params, NULL, NULL, 0);
    ExecStatusType status = PQresultStatus(res);
    char          *answer = NULL;

    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        answer = strdup(PQntuples(res) > 0 ? PQgetvalue(res, 0, 0) : "");
    else
        printf("%s %s\n", PQresultErrorField(res, PG_DIAG_SQLSTATE), PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY));
    PQclear(res);
    return answer;
}

/* The order and the job that writes its invoice, in one transaction: both are there, or neither. */
static char *
place_order(PGconn *pg, const char *customer)
{
    static const char enqueue[] = "select orch.enqueue('invoice', 'order ' || $1, unique_key => 'invoice of order ' || $1)";
    char             *order = NULL;
    char             *job = NULL;

    free(ask(pg, "begin", 0, NULL));
    order = ask(pg, "insert into orders (customer) values ($1) returning id", 1, &customer);
    if (order)
        job = ask(pg, enqueue, 1, (const char *const *)&order);
    free(ask(pg, job ? "commit" : "rollback", 0, NULL));
    free(order);
    return job;
}

/* Asks until the job has ended, and prints how. */
static int
wait_for(PGconn *pg, const char *job, int seconds)
{
    const struct timespec pause = { .tv_nsec = 200 * 1000 * 1000 };
    time_t                deadline = time(NULL) + seconds;

    while (time(NULL) < deadline) {
        char *status = ask(pg, "select status from orch.job($1)", 1, &job);
        int   is_over = status && strcmp(status, "queued") != 0 && strcmp(status, "running") != 0;
        if (is_over)
            printf("job %s %s\n", job, status);
        free(status);
        if (is_over)
            return 0;
        nanosleep(&pause, NULL);
    }
    printf("job %s has not ended within %d s\n", job, seconds);
    return 1;
}

int
main(void)
{
    static const char *const many = "[{\"agent\": \"invoice\", \"content\": \"March\"}, {\"agent\": \"invoice\", \"content\": \"April\"}]";
    static const char *const wrong = "no; such agent";
    PGconn                  *pg = PQconnectdb(getenv("DATABASE_URL"));
    char                    *job = NULL;
    int                      status = 1;

    if (PQstatus(pg) != CONNECTION_OK) {
        fprintf(stderr, "%s", PQerrorMessage(pg));
        goto out;
    }
    if (!(job = place_order(pg, "Barbara")))
        goto out;
    free(ask(pg, "select * from orch.enqueue_many($1)", 1, &many)); /* all or none; a number for each, in the order of the array */
    free(ask(pg, "select orch.enqueue($1)", 1, &wrong));            /* prints OR422 and what is accepted */
    status = wait_for(pg, job, 60);
out:
    free(job);
    PQfinish(pg);
    return status;
}
