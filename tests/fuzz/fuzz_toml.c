#include "fuzz/fuzz.h"

#include <string.h>

#include "io/toml.h"

/* Values with their tables and arrays; the bytes of their texts. */
static int walk(const rcr_toml *node, int depth, size_t *text_bytes) {
    if (depth > RCR_TOML_MAX_DEPTH * (RCR_TOML_MAX_DEPTH + 2)) return fuzz_fail("a tree deeper than the limits allow");
    if (node->text != NULL) *text_bytes += strlen(node->text);
    if ((node->kind == RCR_TOML_TEXT) != (node->text != NULL)) return fuzz_fail("a text without a text");
    for (size_t i = 0; i < node->n; i++) {
        const rcr_toml *child = &node->child[i];
        if ((node->kind == RCR_TOML_TABLE) != (child->key != NULL)) return fuzz_fail("a key in the wrong place");
        if (node->kind == RCR_TOML_TABLE && rcr_toml_find(node, child->key) != child)
            return fuzz_fail("a key that occurs twice");
        if (child->line < 1 || child->column < 1) return fuzz_fail("a value without a place");
        if (i > 0 && child->line < node->child[i - 1].line) return fuzz_fail("values out of order");
        walk(child, depth + 1, text_bytes);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    rcr_toml *root = NULL;
    rcr_error err;
    memset(&err, 0, sizeof err);
    rcr_status status = rcr_toml_parse(&root, (const char *)data, size, &err);
    if (status != RCR_OK) {
        if (root != NULL) return fuzz_fail("a failed parse made a tree");
        return err.message[0] == '\0' ? fuzz_fail("a failed parse says nothing") : 0;
    }
    size_t text_bytes = 0;
    walk(root, 0, &text_bytes);
    rcr_toml_free(root);
    return text_bytes > size ? fuzz_fail("texts are longer than the document") : 0;
}
