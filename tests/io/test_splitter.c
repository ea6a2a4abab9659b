/* Streams are cut where structures end, however the bytes arrive. */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "io/json_structure.h"
#include "io/splitter.h"
#include "support/check.h"

/* A pipe whose writer sends text in pieces of `step` bytes. */
typedef struct feed {
    const char *text;
    size_t length, step;
    int fd;
} feed;

static void *send_text(void *argument) {
    feed *f = argument;
    for (size_t at = 0; at < f->length; at += f->step) {
        size_t n = f->length - at < f->step ? f->length - at : f->step;
        if (write(f->fd, f->text + at, n) != (ssize_t)n) break;
    }
    close(f->fd);
    return NULL;
}

enum { MAX_PIECES = 64 };
typedef struct cut {
    size_t n;
    char text[MAX_PIECES][256];
    long line[MAX_PIECES];
    int malformed;
    rcr_stream_format format;
    rcr_status status;
    rcr_error error;
} cut;

static void split(cut *out, const char *text, size_t length, size_t step, rcr_stream_format format, uint64_t skip) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    feed f = {text, length, step, ends[1]};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, send_text, &f), 0);
    rcr_splitter *s = NULL;
    rcr_slab slab = {0};
    memset(out, 0, sizeof *out);
    assert_int_equal(rcr_splitter_create(&s, ends[0], format, NULL, NULL), RCR_OK);
    uint64_t skipped = 0;
    out->status = rcr_splitter_skip(&skipped, s, skip, &out->error);
    while (out->status == RCR_OK && (out->status = rcr_splitter_next(&slab, s, &out->error)) == RCR_OK && slab.n > 0)
        for (size_t i = 0; i < slab.n; i++) {
            assert_true(out->n < MAX_PIECES && slab.item[i].length < 256);
            assert_int_equal(slab.item[i].number, skipped + out->n + 1);
            memcpy(out->text[out->n], slab.text + slab.item[i].at, slab.item[i].length);
            out->line[out->n++] = slab.item[i].line;
        }
    out->malformed = rcr_splitter_malformed(s);
    out->format = rcr_splitter_format(s);
    rcr_splitter_free(s);
    rcr_slab_release(&slab);
    close(ends[0]);
    pthread_join(thread, NULL);
}

static const char frames[] = "\xEF\xBB\xBF\n1\nfirst\nA\n\n  \n2\r\nsecond\r\nB\r\nC\r\n0\nnone\n 1 \n\nlast";

static void frames_end_after_their_atoms(void **state) {
    (void)state;
    static const size_t steps[] = {1, 2, 3, 7, 4096};
    cut c;
    for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
        split(&c, frames, sizeof frames - 1, steps[k], RCR_STREAM_AUTO, 0);
        assert_int_equal(c.status, RCR_OK);
        assert_int_equal(c.format, RCR_STREAM_EXTXYZ);
        assert_int_equal(c.n, 4);
        assert_string_equal(c.text[0], "1\nfirst\nA\n");
        assert_string_equal(c.text[1], "2\r\nsecond\r\nB\r\nC\r\n");
        assert_string_equal(c.text[2], "0\nnone\n");
        assert_string_equal(c.text[3], " 1 \n\nlast");
        static const long lines[] = {2, 7, 11, 13};
        for (size_t i = 0; i < 4; i++) assert_int_equal(c.line[i], lines[i]);
        assert_false(c.malformed);
        split(&c, frames, sizeof frames - 1, steps[k], RCR_STREAM_AUTO, 2);
        assert_int_equal(c.n, 2);
        assert_string_equal(c.text[0], "0\nnone\n");
        assert_int_equal(c.line[1], 13);
    }
}

static void a_frame_without_an_end_ends_the_stream(void **state) {
    (void)state;
    static const char cut_short[] = "1\nx\nA\n3\ny\nB\n", no_number[] = "1\nx\nA\nB\n1\nx\nA\n";
    cut c;
    split(&c, cut_short, sizeof cut_short - 1, 5, RCR_STREAM_AUTO, 0);
    assert_int_equal(c.n, 2);
    assert_string_equal(c.text[1], "3\ny\nB\n");
    assert_true(c.malformed);
    split(&c, no_number, sizeof no_number - 1, 5, RCR_STREAM_AUTO, 0);
    assert_int_equal(c.n, 2);
    assert_string_equal(c.text[1], "B\n");
    assert_true(c.malformed);
    split(&c, no_number, sizeof no_number - 1, 5, RCR_STREAM_AUTO, 9);
    assert_int_equal(c.n, 0);
    assert_true(c.malformed);
}

static void lines_are_told_by_the_first(void **state) {
    (void)state;
    static const char json[] = "\n{\"a\": 1}\n\n{}\nnonsense", files[] = "a.cif\n \n dir/b.cif \n";
    cut c;
    for (size_t step = 1; step < 30; step += 4) {
        split(&c, json, sizeof json - 1, step, RCR_STREAM_AUTO, 0);
        assert_int_equal(c.format, RCR_STREAM_JSONL);
        assert_int_equal(c.n, 3);
        assert_string_equal(c.text[1], "{}\n");
        assert_string_equal(c.text[2], "nonsense");
        assert_int_equal(c.line[2], 5);
        split(&c, files, sizeof files - 1, step, RCR_STREAM_AUTO, 0);
        assert_int_equal(c.format, RCR_STREAM_FILES);
        assert_int_equal(c.n, 2);
        assert_string_equal(c.text[1], " dir/b.cif \n");
        split(&c, frames, 8, step, RCR_STREAM_FILES, 0);
        assert_string_equal(c.text[0], "1\n");
    }
    split(&c, " \n\n", 3, 1, RCR_STREAM_AUTO, 0);
    assert_int_equal(c.n, 0);
    assert_false(c.malformed);
    split(&c, "data_NaCl\n", 10, 3, RCR_STREAM_AUTO, 0);
    assert_int_equal(c.status, RCR_ERR_UNSUPPORTED);
}

static void a_structure_longer_than_the_buffer(void **state) {
    (void)state;
    enum { LENGTH = 3 << 18 };
    char *text = malloc(2 * LENGTH);
    memset(text, 'x', 2 * LENGTH);
    text[LENGTH - 1] = text[2 * LENGTH - 1] = '\n';
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    feed f = {text, 2 * LENGTH, 50000, ends[1]};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, send_text, &f), 0);
    rcr_splitter *s = NULL;
    rcr_slab slab = {0};
    assert_int_equal(rcr_splitter_create(&s, ends[0], RCR_STREAM_JSONL, NULL, NULL), RCR_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rcr_splitter_next(&slab, s, NULL), RCR_OK);
        assert_int_equal(slab.n, 1);
        assert_int_equal(slab.item[0].length, LENGTH);
        assert_memory_equal(slab.text, text, LENGTH);
    }
    assert_int_equal(rcr_splitter_next(&slab, s, NULL), RCR_OK);
    assert_int_equal(slab.n, 0);
    rcr_splitter_free(s);
    rcr_slab_release(&slab);
    close(ends[0]);
    pthread_join(thread, NULL);
    free(text);
}

/* The thread that waits for input, in an open pipe that says nothing. */
typedef struct waiter {
    rcr_splitter *splitter;
    rcr_slab slab;
    rcr_status status;
} waiter;

static void *wait_for_input(void *argument) {
    waiter *w = argument;
    w->status = rcr_splitter_next(&w->slab, w->splitter, NULL);
    return NULL;
}

static void another_thread_ends_the_wait(void **state) {
    (void)state;
    int ends[2];
    waiter w = {0};
    pthread_t thread;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(rcr_splitter_create(&w.splitter, ends[0], RCR_STREAM_JSONL, NULL, NULL), RCR_OK);
    assert_int_equal(pthread_create(&thread, NULL, wait_for_input, &w), 0);
    rcr_splitter_halt(w.splitter);
    pthread_join(thread, NULL);
    assert_int_equal(w.status, RCR_OK);
    assert_int_equal(w.slab.n, 0);
    assert_false(rcr_splitter_malformed(w.splitter));
    rcr_splitter_free(w.splitter);
    rcr_slab_release(&w.slab);
    close(ends[0]);
    close(ends[1]);
}

/* ---- the objects */

static rcr_status parse(rcr_crystal **out, const char *text, rcr_error *err) {
    return rcr_json_structure_parse(out, text, strlen(text), 3, err);
}

static void objects_become_crystals(void **state) {
    (void)state;
    rcr_crystal *c = NULL;
    rcr_error err;
    assert_int_equal(
        parse(&c,
              "{\"lattice\": {\"matrix\": [[4,0,0],[0,5,0],[0,0,8]], \"pbc\": [true,true,true]}, "
              "\"sites\": [{\"species\": [{\"element\": \"Cs\", \"occu\": 1}], \"abc\": [0.5,0.25,0], "
              "\"xyz\": [9,9,9]}, {\"species\": [{\"element\": \"Cl\", \"occu\": 1.0}], \"xyz\": [1,1,2]}], "
              "\"material_id\": \"mp-1\"}",
              &err),
        RCR_OK);
    assert_string_equal(c->id, "mp-1");
    assert_int_equal(c->n_sites, 2);
    assert_int_equal(c->atomic_number[0], 55);
    assert_int_equal(c->atomic_number[1], 17);
    assert_true(c->lattice[2][2] == 8 && c->frac[0][0] == 0.5 && c->frac[0][1] == 0.25);
    assert_true(c->frac[1][0] == 0.25 && c->frac[1][1] == 0.2 && c->frac[1][2] == 0.25);
    rcr_crystal_free(c);
    assert_int_equal(parse(&c,
                           "{\"id\": 7, \"structure\": {\"lattice\": [[4,0,0],[0,4,0],[0,0,4]], "
                           "\"species\": [26, \"D\"], \"frac\": [[0,0,0],[0.5,0,-1.5]]}}",
                           &err),
                     RCR_OK);
    assert_string_equal(c->id, "7");
    assert_true(c->atomic_number[0] == 26 && c->atomic_number[1] == 1 && c->frac[1][2] == -1.5);
    rcr_crystal_free(c);
}

/* As pymatgen writes it; the last site is full, though of two entries. */
static void objects_become_disordered_crystals(void **state) {
    (void)state;
    rcr_crystal *c = NULL;
    rcr_error err;
    assert_int_equal(
        parse(&c,
              "{\"lattice\": [[4,0,0],[0,4,0],[0,0,4]], \"sites\": ["
              "{\"species\": [{\"element\": \"Cl\", \"occu\": 1}], \"abc\": [0,0,0]}, "
              "{\"species\": [{\"element\": \"Ni\", \"occu\": 0.25}, {\"element\": \"Fe\", \"occu\": 0.5}], "
              "\"abc\": [0.5,0,0]}, "
              "{\"species\": [{\"element\": \"D\", \"occu\": 0.5}, {\"element\": \"H\", \"occu\": 0.5}], "
              "\"abc\": [0,0.5,0]}]}",
              &err),
        RCR_OK);
    assert_memory_equal(c->atomic_number, ((const uint8_t[]){17, 26, 1}), 3);
    assert_memory_equal(c->species_offset, ((const int32_t[]){0, 1, 3, 4}), 4 * sizeof(int32_t));
    assert_memory_equal(c->species_number, ((const uint8_t[]){17, 26, 28, 1}), 4);
    assert_memory_equal(c->species_occupancy, ((const double[]){1, 0.5, 0.25, 1}), 4 * sizeof(double));
    rcr_crystal_free(c);
}

static void bad_objects_say_why(void **state) {
    (void)state;
#define CUBE "\"lattice\": [[4,0,0],[0,4,0],[0,0,4]]"
    static const struct {
        const char *text, *reason;
        rcr_status status;
    } bad[] = {
        {"{\"a\": ", "not a JSON object", RCR_ERR_PARSE},
        {"[]", "not a JSON object", RCR_ERR_PARSE},
        {"{}", "\"lattice\"", RCR_ERR_PARSE},
        {"{" CUBE ", \"species\": [\"Fe\"], \"frac\": []}", "as many entries", RCR_ERR_PARSE},
        {"{" CUBE ", \"species\": [\"Xx\"], \"frac\": [[0,0,0]]}", "'Xx'", RCR_ERR_UNSUPPORTED},
        {"{" CUBE ", \"species\": [119], \"frac\": [[0,0,0]]}", "no chemical element", RCR_ERR_UNSUPPORTED},
        {"{" CUBE ", \"species\": [\"Fe\"], \"frac\": [[0,0,\"0\"]]}", "position 1", RCR_ERR_PARSE},
        {"{" CUBE ", \"species\": [], \"frac\": []}", "", RCR_ERR_DATA},
        {"{\"lattice\": [[4,0,0],[0,4,0]], \"species\": [], \"frac\": []}", "three rows", RCR_ERR_PARSE},
        {"{\"lattice\": [[4,0,0],[0,4,0],[4,4,0]], \"species\": [1], \"frac\": [[0,0,0]]}", "no volume", RCR_ERR_DATA},
        {"{\"lattice\": {\"matrix\": [[4,0,0],[0,4,0],[0,0,4]], \"pbc\": [true,true,false]}, \"sites\": []}",
         "not periodic", RCR_ERR_DATA},
        {"{" CUBE ", \"sites\": [{\"species\": [{\"element\": \"Fe\", \"occu\": -0.5}], \"abc\": [0,0,0]}]}",
         "site 1 has occupancy -0.5", RCR_ERR_DATA},
        {"{" CUBE ", \"sites\": [{\"species\": [{\"element\": \"Fe\", \"occu\": \"1\"}], \"abc\": [0,0,0]}]}",
         "\"occu\"", RCR_ERR_PARSE},
        {"{" CUBE ", \"sites\": [{\"species\": [{\"element\": \"Fe\"}, {\"element\": \"Co\"}], \"abc\": [0,0,0]}]}",
         "site 1 sum to 2", RCR_ERR_DATA},
        {"{" CUBE ", \"sites\": [{\"species\": [{\"element\": \"Fe\"}, {}], \"abc\": [0,0,0]}]}", "no chemical element",
         RCR_ERR_UNSUPPORTED},
        {"{" CUBE ", \"sites\": [{\"species\": [{\"element\": \"Fe\"}]}]}", "no position", RCR_ERR_PARSE},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rcr_crystal *c = NULL;
        rcr_error err;
        assert_int_equal(parse(&c, bad[i].text, &err), bad[i].status);
        assert_null(c);
        assert_int_equal(err.line, 3);
        if (strstr(err.message, bad[i].reason) == NULL) fail_msg("%s: %s", bad[i].text, err.message);
    }
}

int main(void) {
    signal(SIGPIPE, SIG_IGN); /* a splitter that has seen enough closes its end while send_text still writes */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_end_after_their_atoms), cmocka_unit_test(a_frame_without_an_end_ends_the_stream),
        cmocka_unit_test(lines_are_told_by_the_first),  cmocka_unit_test(a_structure_longer_than_the_buffer),
        cmocka_unit_test(objects_become_crystals),      cmocka_unit_test(objects_become_disordered_crystals),
        cmocka_unit_test(bad_objects_say_why),          cmocka_unit_test(another_thread_ends_the_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
