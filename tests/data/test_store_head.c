#include "support/check.h"

#include "base/mem.h"
#include "data/store_rows.h"

static store_source *add_source(store_head *head) {
    store_source *s = rcr_store_head_add_source(head);
    s->path = rcr_strdup("x");
    s->name = rcr_strdup("x");
    s->table = rcr_strdup("");
    s->complete = 1;
    return s;
}

/* Heads of stores made before the option say nothing of it. */
static void old_heads_refuse_disorder(void **state) {
    (void)state;
    store_head head = {.graph = rcr_graph_options_default()}, back;
    head.graph.disorder = RCR_DISORDER_AVERAGE;
    add_source(&head);
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

/* A head that does not say how many columns a source has is of a program that looked at all of them. */
static void old_heads_have_all_columns(void **state) {
    (void)state;
    store_head head = {.graph = rcr_graph_options_default()}, back;
    for (uint32_t k = 0; k < 2; k++) {
        add_source(&head);
        assert_int_equal(rcr_store_head_column(&head, k == 0 ? "e" : "gap", 0), k);
        head.source[k].n_columns = k + 1;
    }
    head.source[1].complete = 0;
    char *text;
    size_t length;
    assert_int_equal(rcr_store_head_write(&text, &length, &head, NULL), RCR_OK);
    for (int old = 0; old < 2; old++) {
        assert_int_equal(rcr_store_head_read(&back, (rcr_bytes){text, length}, NULL), RCR_OK);
        assert_int_equal(back.n_columns, 2);
        rcr_store_head_leave_columns(&back);
        assert_int_equal(back.n_columns, old ? 2 : 1);
        rcr_store_head_release(&back);
        for (char *at = text; (at = strstr(at, "\"n_columns\"")) != NULL;) at[1] = 'x';
    }
    rcr_store_head_release(&head);
    rcr_free(text);
}

/* Read a head of two sources of one row each, changed; the status, the message of an error. */
static rcr_status read_changed(char *message, size_t size, void (*change)(store_head *), const char *from,
                               const char *to) {
    store_head head = {.graph = rcr_graph_options_default()}, back;
    for (uint32_t k = 0; k < 2; k++) {
        store_source *s = add_source(&head);
        s->first_row = s->first_batch = k;
        s->n_rows = s->next = s->total = s->n_batches = 1;
    }
    if (change != NULL) change(&head);
    char *text;
    size_t length;
    rcr_error err = {0};
    assert_int_equal(rcr_store_head_write(&text, &length, &head, NULL), RCR_OK);
    if (from != NULL) {
        char *place = strstr(text, from);
        assert_non_null(place);
        memcpy(place, to, strlen(to));
    }
    rcr_status status = rcr_store_head_read(&back, (rcr_bytes){text, length}, &err);
    if (status == RCR_OK) rcr_store_head_release(&back);
    snprintf(message, size, "%s", err.message);
    rcr_store_head_release(&head);
    rcr_free(text);
    return status;
}

static void first_incomplete(store_head *h) { h->source[0].complete = 0; }
static void last_incomplete(store_head *h) { h->source[1].complete = 0; }
static void row_left_out(store_head *h) { h->source[1].first_row++; }
static void batch_twice(store_head *h) { h->source[1].first_batch--; }
static void more_good_than_rows(store_head *h) { h->source[1].n_good = 2; }
static void no_source(store_head *h) {
    rcr_store_head_release(h);
    h->graph = rcr_graph_options_default();
}

/* A head that contradicts itself, and one of another version or program. */
static void wrong_heads_are_refused(void **state) {
    (void)state;
    char message[512];
    assert_int_equal(read_changed(message, sizeof message, NULL, NULL, NULL), RCR_OK);
    assert_int_equal(read_changed(message, sizeof message, last_incomplete, NULL, NULL), RCR_OK);
    void (*const change[])(store_head *) = {first_incomplete, row_left_out, batch_twice, more_good_than_rows,
                                            no_source};
    for (size_t i = 0; i < sizeof change / sizeof change[0]; i++) {
        assert_int_equal(read_changed(message, sizeof message, change[i], NULL, NULL), RCR_ERR_PARSE);
        assert_non_null(strstr(message, "head is damaged"));
    }
    assert_int_equal(read_changed(message, sizeof message, NULL, "\"version\": 1", "\"version\": 2"),
                     RCR_ERR_UNSUPPORTED);
    assert_non_null(strstr(message, "version 2; this program reads version 1"));
    assert_int_equal(read_changed(message, sizeof message, NULL, "graph store", "graph stone"), RCR_ERR_PARSE);
    assert_non_null(strstr(message, "no graph store"));
    assert_int_equal(read_changed(message, sizeof message, NULL, "\"n_rows\": 1", "\"n_rows\":-1"), RCR_ERR_PARSE);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(old_heads_refuse_disorder),
                                       cmocka_unit_test(old_heads_have_all_columns),
                                       cmocka_unit_test(wrong_heads_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
