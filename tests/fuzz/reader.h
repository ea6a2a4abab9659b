/* What must hold of the records of any file. */
#ifndef RCR_TESTS_FUZZ_READER_H
#define RCR_TESTS_FUZZ_READER_H

#include "fuzz/fuzz.h"

#include <string.h>

#include "crystal/crystal.h"
#include "io/reader.h"

static inline int fuzz_reader(const char *name, const uint8_t *data, size_t size) {
    rcr_reader *reader;
    rcr_record record;
    rcr_error err = {.status = RCR_OK};
    rcr_status status = rcr_reader_open_memory(&reader, name, data, size, &err);
    if (status != RCR_OK) {
        if (err.status != status || err.message[0] == '\0') return fuzz_fail("an error without its reason");
        return 0;
    }
    uint64_t number = 0;
    for (uint64_t n = 1; rcr_reader_read(reader, &record); n++) {
        /* Each costs at least a byte; a database's row more. */
        if (n > size + 1) return fuzz_fail("more records than bytes");
        if (record.id == NULL || record.file == NULL) return fuzz_fail("a record without its name");
        if (record.number != number + 1 && record.number != 1) /* 1: the next file of an archive */
            return fuzz_fail("records that are not counted one by one");
        number = record.number;
        if ((record.crystal == NULL) == (record.error.status == RCR_OK))
            return fuzz_fail("neither a crystal nor an error, or both");
        if (record.error.status != RCR_OK && record.error.message[0] == '\0')
            return fuzz_fail("an error without a reason");
        if (record.crystal != NULL && rcr_crystal_check(record.crystal, &err) != RCR_OK)
            return fuzz_fail("a crystal does not pass its check");
        for (size_t k = 0; k < record.n_properties; k++)
            if (record.property[k].value[0] == '\0') return fuzz_fail("an empty property");
        rcr_record_release(&record);
    }
    rcr_reader_close(reader);
    return 0;
}

#endif
