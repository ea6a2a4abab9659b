/* What a download makes of a page, out of memory at every allocation and with every file call failing in turn. */
#include "faults/faults.h"
#include "support/folder.h"

#include <jansson.h>
#include <math.h>

#include "base/mem.h"
#include "base/status.h"
#include "fetch/download.h"

static const char body[] =
    "{\"data\": [{\"material_id\": \"mp-1\", \"band_gap\": 1.5, \"structure\": {\"lattice\": {\"matrix\": "
    "[[3,0,0],[0,3,0],[0,0,3]]}, \"sites\": [{\"species\": [{\"element\": \"Cs\", \"occu\": 1}], \"abc\": [0,0,0]}, "
    "{\"species\": [{\"element\": \"Cl\", \"occu\": 1}], \"abc\": [0.5,0.5,0.5]}]}}, "
    "{\"material_id\": \"mp-2\", \"band_gap\": null}, {\"material_id\": \"mp-1\"}], \"meta\": {\"total_doc\": 3}}";

static const char *const property[] = {"band_gap", "bulk_modulus.vrh"};
static const rcr_mp_search everything;

/* Begin, take the page, finish, as rcr_fetch does. */
static rcr_status take(void *context, rcr_error *err) {
    const test_folder *folder = context;
    rcr_fetch_request request = {.url = "https://h",
                                 .search = &everything,
                                 .property = property,
                                 .n_properties = 2,
                                 .min = NAN,
                                 .max = NAN,
                                 .out = folder_path(folder, "out")};
    rcr_download d = {.request = &request, .result.counts.matched = 3};
    rcr_page *page = NULL;
    rcr_text url = {0};
    size_t fresh = 0;
    /* Else there would be nothing to do after the first run that a fault does no harm. */
    remove(folder_path(folder, "out/id_prop.csv"));
    remove(folder_path(folder, "out/provenance.json"));
    remove(folder_path(folder, "out/mp-1.cif"));
    rcr_status status = rcr_mp_url(&url, request.url, request.search, property, 2, NAN, NAN, err);
    d.first_url = url.data;
    if (status == RCR_OK) status = rcr_download_identify(&d, err);
    if (status == RCR_OK) status = rcr_folder_out_open(&d.folder, request.out, err);
    if (status == RCR_OK) status = rcr_download_look(&d, err);
    int done = status == RCR_OK && d.result.was_complete;
    if (status == RCR_OK && !done) {
        rcr_free(d.started);
        rcr_free(d.database_version);
        d.ids = rcr_name_set_new();
        d.started = rcr_strdup("then");
        d.database_version = rcr_strdup("1");
        if (d.ids == NULL || d.started == NULL || d.database_version == NULL) status = rcr_fail_memory(err, "starting");
        if (status == RCR_OK) status = rcr_download_begin(&d, err);
        if (status == RCR_OK) status = rcr_page_parse_mp(&page, body, sizeof body - 1, err);
        if (status == RCR_OK) status = rcr_download_rows(&d, page, 0, &fresh, err);
        if (status == RCR_OK) status = rcr_download_finish(&d, err);
        /* A row lost for want of memory would be a loss of data without a word. */
        if (status == RCR_OK && (d.result.counts.written != 1 || d.result.counts.skipped != 2 || fresh != 2))
            fail_msg("%d rows written, %d skipped", (int)d.result.counts.written, (int)d.result.counts.skipped);
    }
    if (d.folder.path != NULL) rcr_folder_out_leave(&d.folder, status != RCR_OK || done);
    rcr_page_free(page);
    rcr_folder_out_close(&d.folder);
    rcr_free(d.first_url);
    json_decref(d.identity);
    rcr_free(d.started);
    rcr_free(d.database_version);
    rcr_name_set_free(d.ids);
    rcr_text_free(&d.rows);
    rcr_text_free(&d.errors);
    return status;
}

/* id_prop.csv is whole or not there; the next call ends well, and then it is. */
static void check(void *context) {
    const char *want = "id,band_gap,bulk_modulus.vrh\nmp-1,1.5,\n";
    for (int again = 0; again < 2; again++) {
        char *text = folder_read(context, "out/id_prop.csv");
        if (text != NULL) assert_string_equal(text, want);
        char *structure = folder_read(context, "out/mp-1.cif");
        if (text != NULL && (structure == NULL || strstr(structure, "_atom_site_") == NULL))
            fail_msg("a row without its structure");
        free(structure);
        if (again) assert_non_null(text);
        free(text);
        rcr_error err = {0};
        if (!again && take(context, &err) != RCR_OK) fail_msg("the next call: %s", err.message);
    }
}

static void test_download(void **state) {
    (void)state;
    test_folder folder = folder_make();
    faults_each(RCR_FAULT_MEMORY, "a page", take, check, &folder, 1, 0);
    check(&folder);
    faults_each(RCR_FAULT_FILE, "a page (EIO)", take, check, &folder, 1, EIO);
    check(&folder);
    faults_each(RCR_FAULT_FILE, "a page (full disk)", take, check, &folder, 1000000, ENOSPC);
    folder_remove(&folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_download)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
