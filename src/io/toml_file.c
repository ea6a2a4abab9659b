#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "io/toml.h"

rcr_status rcr_toml_read(rcr_toml **out, const char *path, rcr_error *err) {
    char *text;
    size_t length;
    rcr_status status = rcr_file_read(&text, &length, path, RCR_TOML_MAX_BYTES, err);
    if (status != RCR_OK) return status;
    status = rcr_toml_parse(out, text, length, err);
    rcr_free(text);
    if (status != RCR_OK) rcr_error_set_file(err, path);
    return status;
}

const rcr_toml *rcr_toml_find(const rcr_toml *table, const char *key) {
    for (size_t i = 0; i < table->n; i++)
        if (table->child[i].key != NULL && strcmp(table->child[i].key, key) == 0) return &table->child[i];
    return NULL;
}

const char *rcr_toml_kind_name(rcr_toml_kind kind) {
    static const char *const names[] = {"a table",       "an array", "a text in quotes", "a whole number", "a number",
                                        "true or false", "a date"};
    return names[kind];
}
