/* What info shows of a graph store. */
#include <sys/stat.h>

#include "cli/describe.h"
#include "cli/graph_args.h"
#include "cli/info.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "data/store_rows.h"
#include "graph/graph.h"

static void put_options(rcr_text *out, const rcr_graph_options *g) {
    char radius[32], tolerance[32];
    rcr_text_printf(out, "graph      radius %s, %d neighbors, padding %s, ties %s, tolerance of ties %s, disorder %s\n",
                    rcr_format_double(radius, g->radius), g->max_neighbors, rcr_padding_name(g->padding),
                    rcr_ties_name(g->ties), rcr_format_double(tolerance, g->tie_tolerance),
                    rcr_disorder_name(g->disorder));
}

static void put_source(rcr_text *out, const store_source *s) {
    char rows[32], usable[32], total[32];
    rcr_text_printf(out, "source     %s: %s rows, %s usable%s\n", s->path, rcr_format_count(rows, (long long)s->n_rows),
                    rcr_format_count(usable, (long long)s->n_good), s->complete ? "" : ", NOT FINISHED");
    if (s->complete)
        rcr_text_printf(out, "           sha256 %s\n", s->sha256);
    else
        rcr_text_printf(out, "           %s of %s rows of the data are read; recryst prepare goes on from there\n",
                        rcr_format_count(rows, (long long)s->next), rcr_format_count(total, (long long)s->total));
}

static void put_head(rcr_text *out, const char *path, const store_head *head) {
    char rows[32], usable[32], bytes[32];
    uint64_t n_rows = 0, n_good = 0;
    struct stat info;
    for (size_t k = 0; k < head->n_sources; k++) {
        n_rows += head->source[k].n_rows;
        n_good += head->source[k].n_good;
    }
    rcr_text_printf(out, "store      %s: %s rows, %s usable", path, rcr_format_count(rows, (long long)n_rows),
                    rcr_format_count(usable, (long long)n_good));
    if (stat(path, &info) == 0) rcr_text_printf(out, ", %s bytes", rcr_format_count(bytes, (long long)info.st_size));
    rcr_text_puts(out, "\n");
    put_options(out, &head->graph);
    rcr_text_puts(out, "targets   ");
    for (size_t k = 0; k < head->n_columns; k++) rcr_text_printf(out, "%s %s", k > 0 ? "," : "", head->column[k]);
    rcr_text_puts(out, head->n_columns > 0 ? "\n" : " none\n");
    for (size_t k = 0; k < head->n_sources; k++) put_source(out, &head->source[k]);
}

rcr_status rcr_info_store(rcr_text *out, const char *path, rcr_error *err) {
    rcr_store *store;
    rcr_bytes bytes;
    store_head head;
    rcr_status status = rcr_store_open(&store, path, err);
    if (status != RCR_OK) return status;
    status = rcr_store_head(&bytes, store, err);
    if (status == RCR_OK) status = rcr_store_head_read(&head, bytes, err);
    if (status == RCR_OK) {
        rcr_store_head_leave_columns(&head);
        put_head(out, path, &head);
        rcr_store_head_release(&head);
    } else {
        rcr_error_set_file(err, path);
    }
    rcr_store_close(store);
    return status;
}
