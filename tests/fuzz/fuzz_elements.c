#include "fuzz/fuzz.h"

#include "crystal/element.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    rcr_element_table *table;
    rcr_error err;
    if (rcr_element_table_parse(&table, (const char *)data, size, &err) == RCR_OK) rcr_element_table_free(table);
    return 0;
}
