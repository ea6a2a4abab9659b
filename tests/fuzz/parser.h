/* What must hold of a parser of one structure, whatever the bytes. */
#ifndef RCR_TESTS_FUZZ_PARSER_H
#define RCR_TESTS_FUZZ_PARSER_H

#include "fuzz/fuzz.h"

#include <string.h>

#include "crystal/crystal.h"

typedef rcr_status fuzz_parser(rcr_crystal **out, const char *id, const char *text, size_t length, rcr_error *err);

/* Either a crystal that passes the check, or an error with a message. */
static inline int fuzz_parse(fuzz_parser *parse, const char *id, const char *text, size_t length) {
    rcr_crystal *crystal = NULL;
    rcr_error err;
    memset(&err, 0, sizeof err);
    rcr_status status = parse(&crystal, id, text, length, &err);
    if (status != RCR_OK) {
        if (crystal != NULL) return fuzz_fail("a failed parse made a crystal");
        if (err.status != status || err.message[0] == '\0') return fuzz_fail("a failed parse says nothing");
        return 0;
    }
    if (rcr_crystal_check(crystal, &err) != RCR_OK) return fuzz_fail("a crystal does not pass its check");
    rcr_crystal_free(crystal);
    return 0;
}

#endif
