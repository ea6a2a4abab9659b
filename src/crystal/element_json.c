#include <math.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "crystal/element.h"

/* Far above any embedding in use; keeps a hostile file from asking for gigabytes. */
enum { MAX_FEATURES = 65536 };

/* One entry "26": [..] into its row. */
static rcr_status read_entry(rcr_element_table *table, const char *key, const json_t *value, rcr_error *err) {
    int64_t z;
    if (!rcr_parse_int64(&z, key, strlen(key)) || z < 1 || z > RCR_MAX_ATOMIC_NUMBER)
        return rcr_fail(err, RCR_ERR_PARSE, "the key \"%.40s\" is no atomic number (1 to %d)", key,
                        RCR_MAX_ATOMIC_NUMBER);
    if (table->known[z]) return rcr_fail(err, RCR_ERR_PARSE, "element %d is given twice", (int)z);
    if (!json_is_array(value) || json_array_size(value) != (size_t)table->n_features)
        return rcr_fail(err, RCR_ERR_PARSE, "element %d needs an array of %d numbers, as many as the others", (int)z,
                        (int)table->n_features);
    double *row = table->row + (size_t)z * (size_t)table->n_features;
    for (int32_t k = 0; k < table->n_features; k++) {
        const json_t *number = json_array_get(value, (size_t)k);
        if (!json_is_number(number) || !isfinite(json_number_value(number)))
            return rcr_fail(err, RCR_ERR_PARSE, "entry %d of element %d is not a number", (int)k + 1, (int)z);
        row[k] = json_number_value(number);
    }
    table->known[z] = 1;
    return RCR_OK;
}

static rcr_status read_object(rcr_element_table **out, json_t *root, rcr_error *err) {
    if (!json_is_object(root) || json_object_size(root) == 0)
        return rcr_fail(err, RCR_ERR_PARSE, "expected {\"1\": [numbers], \"2\": [numbers], ...}");
    size_t n = json_array_size(json_object_iter_value(json_object_iter(root)));
    if (n == 0) return rcr_fail(err, RCR_ERR_PARSE, "the vectors of the elements hold no numbers");
    if (n > MAX_FEATURES)
        return rcr_fail(err, RCR_ERR_LIMIT, "the vectors hold %zu numbers; the limit is %d", n, MAX_FEATURES);
    rcr_element_table *table;
    rcr_status status = rcr_element_table_create(&table, (int32_t)n, "atom_init.json", err);
    if (status != RCR_OK) return status;
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value) {
        status = read_entry(table, key, value, err);
        if (status != RCR_OK) break;
    }
    if (status == RCR_OK)
        *out = table;
    else
        rcr_element_table_free(table);
    return status;
}

rcr_status rcr_element_table_parse(rcr_element_table **out, const char *json, size_t length, rcr_error *err) {
    json_error_t problem;
    json_t *root = json_loadb(json, length, JSON_REJECT_DUPLICATES, &problem);
    if (root == NULL && json_error_code(&problem) == json_error_out_of_memory)
        return rcr_fail_memory(err, "reading element vectors");
    if (root == NULL)
        return rcr_fail_at(err, RCR_ERR_PARSE, "", problem.line > 0 ? problem.line : 0, "not valid JSON: %.200s",
                           problem.text);
    rcr_status status = read_object(out, root, err);
    json_decref(root);
    return status;
}
