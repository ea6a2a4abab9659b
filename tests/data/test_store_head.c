#include "support/check.h"

#include "base/mem.h"
#include "data/store_rows.h"

/* Heads of stores made before the option say nothing of it. */
static void old_heads_refuse_disorder(void **state) {
    (void)state;
    store_head head = {.graph = rcr_graph_options_default()}, back;
    head.graph.disorder = RCR_DISORDER_AVERAGE;
    store_source *s = rcr_store_head_add_source(&head);
    s->path = rcr_strdup("x");
    s->name = rcr_strdup("x");
    s->table = rcr_strdup("");
    s->complete = 1;
    char *text;
    size_t length;
    assert_int_equal(rcr_store_head_write(&text, &length, &head, NULL), RCR_OK);
    assert_int_equal(rcr_store_head_read(&back, (rcr_bytes){text, length}, NULL), RCR_OK);
    assert_int_equal(back.graph.disorder, RCR_DISORDER_AVERAGE);
    rcr_store_head_release(&back);
    char *place = strstr(text, "\"disorder\"");
    assert_non_null(place);
    place[1] = 'x'; /* a key that no program knows */
    assert_int_equal(rcr_store_head_read(&back, (rcr_bytes){text, length}, NULL), RCR_OK);
    assert_int_equal(back.graph.disorder, RCR_DISORDER_REFUSE);
    rcr_store_head_release(&back);
    rcr_store_head_release(&head);
    rcr_free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(old_heads_refuse_disorder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
