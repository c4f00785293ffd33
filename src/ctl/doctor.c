#include "ctl/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "ctl/ctl.h"

static const char *const verdicts[] = { "ok", "warn", "FAIL" };

void
doctor_say(struct doctor *d, enum doctor_verdict verdict, const char *check, const char *fmt, ...)
{
    struct json *finding = json_new_object();
    struct buf   says = { 0 };
    va_list      ap;

    va_start(ap, fmt);
    buf_vprintf(&says, fmt, ap);
    va_end(ap);
    json_set_str(finding, "check", check);
    json_set_str(finding, "verdict", verdicts[verdict]);
    json_set_str(finding, "says", says.data);
    json_set(finding, "mend", NULL);
    json_push(d->findings, finding);
    d->count[verdict]++;
    buf_fini(&says);
}

void
doctor_mend(struct doctor *d, const char *fmt, ...)
{
    struct buf line = { 0 };
    va_list    ap;

    va_start(ap, fmt);
    buf_vprintf(&line, fmt, ap);
    va_end(ap);
    json_set_str(json_item(d->findings, json_len(d->findings) - 1), "mend", line.data);
    buf_fini(&line);
}

const char *
doctor_last_delivery(const struct doctor *d, const char *source, const char *repo)
{
    for (size_t i = 0; i < json_len(d->deliveries); i++) {
        struct json *row = json_item(d->deliveries, i);
        if (str_equal(json_str(row, "source"), source) && (!repo || str_equal(json_str(row, "repo"), repo)))
            return json_str(row, "age");
    }
    return NULL;
}

static void
print_findings(const struct doctor *d)
{
    int wide = 0;

    for (size_t i = 0; i < json_len(d->findings); i++) {
        int len = (int)strlen(json_str(json_item(d->findings, i), "check"));
        wide = len > wide ? len : wide;
    }
    for (size_t i = 0; i < json_len(d->findings); i++) {
        struct json *finding = json_item(d->findings, i);
        printf("%-4s  %-*s  %s\n", json_str(finding, "verdict"), wide, json_str(finding, "check"), json_str(finding, "says"));
        if (json_str(finding, "mend"))
            printf("      %-*s  mend: %s\n", wide, "", json_str(finding, "mend"));
    }
    printf("%d ok, %d warn, %d FAIL\n", d->count[DOCTOR_OK], d->count[DOCTOR_WARN], d->count[DOCTOR_FAIL]);
}

static void
look_at_all(struct doctor *d, struct config *cfg, struct err *e)
{
    doctor_check_settings(d, cfg);
    struct fetch_options options = { .timeout_ms = cfg->api_timeout < DOCTOR_PATIENCE_MS ? cfg->api_timeout : DOCTOR_PATIENCE_MS,
                                     .user_agent = "orchctl/" ORCH_VERSION,
                                     .ca_file = *cfg->ca_file ? cfg->ca_file : NULL };
    if (loop_new(&d->loop, e) || fetch_open(&d->fetch, d->loop, &options, e))
        return;
    doctor_check_database(d);
    doctor_check_host(d);
    doctor_check_address(d);
    doctor_check_board(d);
    doctor_check_forge(d);
}

int
ctl_doctor(const struct ctl_line *line, struct err *e)
{
    struct config cfg = { 0 };
    struct doctor d = { .magic = DOCTOR_MAGIC, .cfg = &cfg, .findings = json_new_array() };

    look_at_all(&d, &cfg, e);
    if (!e->code && line->as_json)
        printf("%s\n", json_text(d.findings));
    else if (!e->code)
        print_findings(&d);
    fetch_close(d.fetch);
    loop_free(d.loop);
    config_fini(&cfg);
    json_free(d.findings);
    json_free(d.projects);
    json_free(d.nodes);
    json_free(d.deliveries);
    return e->code ? ctl_status_of(e) : d.count[DOCTOR_FAIL] ? CTL_REFUSED : CTL_DONE;
}
