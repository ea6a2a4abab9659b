#include "fuzz/fuzz.h"

#include <string.h>

#include "io/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    rcr_csv *csv;
    rcr_error err;
    if (rcr_csv_parse(&csv, (const char *)data, size, &err) != RCR_OK) return 0;
    size_t total = 0;
    for (size_t i = 0; i < csv->n_rows; i++)
        for (size_t k = 0; k < csv->row[i].n_fields; k++) total += strlen(csv->row[i].field[k]);
    rcr_csv_free(csv);
    return total > size ? fuzz_fail("fields are longer than the text") : 0;
}
