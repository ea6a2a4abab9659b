#include "cli/read_data.h"

#include <math.h>

#include "base/status.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "graph/store.h"

typedef struct reading {
    rcr_terminal terminal;
    double since;
} reading;

static void on_progress(void *context, size_t done, size_t total) {
    reading *r = context;
    if (!rcr_terminal_due(&r->terminal)) return;
    char n[32], all[32], rate_text[32], left[32];
    double rate = (double)done / (rcr_now() - r->since);
    rcr_terminal_progress(&r->terminal, "reading: %s of %s rows, %s/s, %s left", rcr_format_count(n, (long long)done),
                          rcr_format_count(all, (long long)total), rcr_format_count(rate_text, (long long)rate),
                          rcr_format_duration(left, rate > 0 ? (double)(total - done) / rate : NAN));
}

rcr_status rcr_read_data(rcr_dataset **out, const char *path, const rcr_dataset_options *options, int quiet, int notes,
                         rcr_error *err) {
    reading r = {.since = rcr_now()};
    rcr_terminal_init(&r.terminal, quiet);
    rcr_dataset_options own = *options;
    own.progress = on_progress;
    own.context = &r;
    rcr_dataset *dataset;
    rcr_status status = rcr_dataset_read(&dataset, path, &own, err);
    rcr_terminal_clear(&r.terminal);
    if (status != RCR_OK) return status;
    *out = dataset;
    if (notes && dataset->note[0] != '\0') rcr_cli_note("%s", dataset->note);
    if (dataset->n_bad == 0 || !notes) return RCR_OK;
    char n[32], all[32], reason[sizeof(rcr_error) + 32];
    rcr_error_format(reason, sizeof reason, &dataset->bad[0].error);
    rcr_cli_note("%s of %s rows can't be used; the first, %s: %s", rcr_format_count(n, (long long)dataset->n_bad),
                 rcr_format_count(all, (long long)dataset->n_rows), dataset->bad[0].id, reason);
    return RCR_OK;
}

void rcr_tell_store(rcr_error *err, const char *path) {
    if (err->status == RCR_ERR_UNSUPPORTED && rcr_store_is(path))
        rcr_fail_at(err, RCR_ERR_UNSUPPORTED, path, 0,
                    "a graph store keeps graphs and targets, no structures; give the data it was made from "
                    "(recryst info tells which)");
}
