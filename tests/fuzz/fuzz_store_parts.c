/* The parts of a graph store.  The first byte chooses: 'r' rows of a batch, 'h' a head, 'l' a whole LMDB file. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "data/store_rows.h"
#include "graph/store_check.h"

static void read_rows(const uint8_t *data, size_t size) {
    store_reader reader = {data, size, 0};
    store_row row;
    uint64_t n = rcr_store_read_number(&reader);
    for (uint64_t i = 0; i < n && rcr_store_read_row(&row, &reader); i++) {
        const uint8_t *end = data + size;
        if ((const uint8_t *)row.id + row.id_length > end) fuzz_fail("an id goes past the end");
        if (row.has_record && row.element + row.n_elements > end) fuzz_fail("elements go past the end");
        if (row.has_sha256 && row.sha256 + 32 > end) fuzz_fail("a hash goes past the end");
        if (!row.has_record && row.error.status == RCR_OK) fuzz_fail("a row is neither good nor bad");
        store_cell cell;
        for (size_t k = 0; k < row.n_cells; k++) {
            if (!rcr_store_read_cell(&cell, &row.cells)) fuzz_fail("a cell that was there is not");
            if (cell.text != NULL && memchr(cell.text, '\0', cell.length) != NULL) fuzz_fail("a NUL in a text");
        }
    }
}

static void read_head(const uint8_t *data, size_t size) {
    store_head head;
    rcr_error err;
    if (rcr_store_head_read(&head, (rcr_bytes){data, size}, &err) != RCR_OK) return;
    char *text;
    size_t length;
    store_head again;
    /* What was read can be written, and is read again. */
    if (rcr_store_head_write(&text, &length, &head, &err) != RCR_OK) fuzz_fail("a head can't be written");
    if (rcr_store_head_read(&again, (rcr_bytes){text, length}, &err) != RCR_OK) fuzz_fail("nor read again");
    if (again.n_sources != head.n_sources || again.n_columns != head.n_columns) fuzz_fail("a head has changed");
    rcr_store_check_options(&head, &again.graph, "", &err);
    rcr_store_head_release(&again);
    rcr_store_head_release(&head);
    rcr_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    if (data[0] == 'r') read_rows(data + 1, size - 1);
    if (data[0] == 'h') read_head(data + 1, size - 1);
    if (data[0] == 'l') rcr_lmdb_check(data + 1, size - 1, NULL);
    return 0;
}
