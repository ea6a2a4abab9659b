/* What becomes of a page's rows. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "fetch/download.h"
#include "io/csv.h"
#include "io/write.h"

const char *rcr_skip_name(rcr_skip skip) {
    static const char *const names[RCR_SKIP_KINDS] = {"no id", "id too long", "duplicate id", "no value",
                                                      "unusable structure"};
    return names[skip];
}

int rcr_download_is_full(const rcr_download *d) {
    return d->request->limit > 0 && d->result.counts.written >= d->request->limit;
}

static rcr_status skip_row(rcr_download *d, rcr_skip kind, const char *id, const char *reason, rcr_error *err) {
    char number[32];
    d->skip[kind]++;
    d->result.counts.skipped++;
    if (d->errors.length == 0) rcr_text_puts(&d->errors, "row,id,reason\n");
    rcr_csv_write_field(&d->errors, rcr_format_double(number, (double)d->result.counts.received), 1);
    rcr_csv_write_field(&d->errors, id, 0);
    rcr_csv_write_field(&d->errors, reason, 0);
    rcr_text_puts(&d->errors, "\n");
    return d->errors.failed ? rcr_fail_memory(err, "keeping reasons") : RCR_OK;
}

/* The values of a row as ",1.5,,2".  *n: how many there are; *first: the first property's, NAN where there is none. */
static rcr_status put_values(rcr_text *out, size_t *n, double *first, const rcr_download *d, const rcr_page *page,
                             size_t i, rcr_error *why) {
    char number[32];
    rcr_error other;
    *n = 0;
    *first = NAN;
    for (size_t k = 0; k < d->request->n_properties; k++) {
        double value;
        rcr_text_puts(out, ",");
        if (rcr_page_value(&value, page, i, d->request->property[k], k == 0 ? why : &other) != RCR_OK) continue;
        rcr_text_puts(out, rcr_format_double(number, value));
        if (k == 0) *first = value;
        ++*n;
    }
    return out->failed ? RCR_ERR_MEMORY : RCR_OK;
}

static rcr_status write_crystal(rcr_download *d, const rcr_crystal *crystal, const char *name, rcr_error *err) {
    rcr_text cif = {0}, file = {0};
    rcr_status status = rcr_cif_write(&cif, crystal, err);
    if (status == RCR_OK) {
        rcr_text_printf(&file, "%s.cif", name);
        status = file.failed ? rcr_fail_memory(err, "writing a file")
                             : rcr_folder_out_write(&d->folder, file.data, cif.data, cif.length, err);
    }
    rcr_text_free(&cif);
    rcr_text_free(&file);
    return status;
}

/* A row whose id is known and new. */
static rcr_status take_row(rcr_download *d, const rcr_page *page, size_t i, const char *id, const char *name,
                           rcr_error *err) {
    const rcr_fetch_request *q = d->request;
    rcr_text values = {0};
    rcr_error why = {0};
    rcr_crystal *crystal = NULL;
    size_t n_values;
    double first;
    rcr_status status = put_values(&values, &n_values, &first, d, page, i, &why);
    if (status != RCR_OK) {
        rcr_text_free(&values);
        return rcr_fail_memory(err, "reading a row");
    }
    int ranged = !isnan(q->min) || !isnan(q->max);
    if (q->n_properties > 0 && (n_values == 0 || (ranged && isnan(first)))) {
        status = skip_row(d, RCR_SKIP_NO_VALUE, id, why.message, err);
    } else if (first < q->min || first > q->max) {
        d->result.counts.outside++;
    } else if (rcr_page_crystal(&crystal, page, i, &why) != RCR_OK) {
        status = why.status == RCR_ERR_MEMORY ? rcr_fail_memory(err, "reading a row")
                                              : skip_row(d, RCR_SKIP_STRUCTURE, id, why.message, err);
    } else {
        status = write_crystal(d, crystal, name, err);
        if (status == RCR_ERR_DATA || status == RCR_ERR_UNSUPPORTED) {
            why = *err;
            status = skip_row(d, RCR_SKIP_STRUCTURE, id, why.message, err);
        } else if (status == RCR_OK) {
            rcr_csv_write_field(&d->rows, name, 1);
            rcr_text_append(&d->rows, values.data != NULL ? values.data : "", values.length);
            rcr_text_puts(&d->rows, "\n");
            d->result.counts.written++;
            if (d->rows.failed) status = rcr_fail_memory(err, "keeping rows");
        }
    }
    rcr_crystal_free(crystal);
    rcr_text_free(&values);
    return status;
}

static rcr_status look_at_row(rcr_download *d, const rcr_page *page, size_t i, size_t *fresh, rcr_error *err) {
    const char *id = rcr_page_id(page, i);
    if (id == NULL) return skip_row(d, RCR_SKIP_NO_ID, "", "it has no id", err);
    int added = rcr_name_set_add(d->ids, id);
    if (added < 0) return rcr_fail_memory(err, "keeping ids");
    if (!added) return skip_row(d, RCR_SKIP_DUPLICATE, id, "the server has sent this id before", err);
    ++*fresh;
    rcr_text name = {0};
    rcr_status status;
    if (!rcr_file_name_of_id(&name, id))
        status = name.failed ? rcr_fail_memory(err, "reading a row")
                             : skip_row(d, RCR_SKIP_BAD_ID, id, "the id is too long for the name of a file", err);
    else
        status = name.failed ? rcr_fail_memory(err, "reading a row") : take_row(d, page, i, id, name.data, err);
    rcr_text_free(&name);
    return status;
}

rcr_status rcr_download_rows(rcr_download *d, const rcr_page *page, int cached, size_t *fresh, rcr_error *err) {
    size_t n = rcr_page_rows(page);
    rcr_status status = RCR_OK;
    *fresh = 0;
    for (size_t i = 0; i < n && status == RCR_OK && !rcr_download_is_full(d); i++) {
        d->result.counts.received++;
        if (cached) d->result.counts.cached++;
        status = look_at_row(d, page, i, fresh, err);
        if (i % 100 == 99 && d->request->progress != NULL) d->request->progress(d->request->context, &d->result.counts);
        /* What is written so far is found again, so this is as good a moment as any. */
        if (i % 100 == 99 && status == RCR_OK && d->request->http.stopped != NULL &&
            d->request->http.stopped(d->request->http.context))
            status = rcr_fail(err, RCR_ERR_INTERRUPTED, "stopped");
    }
    if (d->request->progress != NULL) d->request->progress(d->request->context, &d->result.counts);
    return status;
}
