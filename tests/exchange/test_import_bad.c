/* Checkpoints that are damaged or hostile: each is refused with a message that says what is wrong. */
#include <archive.h>
#include <archive_entry.h>
#include <math.h>

#include "base/mem.h"
#include "exchange/export.h"
#include "exchange/import.h"
#include "io/archive.h"
#include "io/zip_write.h"
#include "support/models.h"

enum { MAX_MEMBERS = 100 };

/* An exported checkpoint, taken apart. */
typedef struct parts {
    rcr_zip_member member[MAX_MEMBERS];
    char name[MAX_MEMBERS][64];
    size_t n;
} parts;

static parts take_apart(const rcr_model *model) {
    parts p = {.n = 0};
    char *bytes = NULL;
    size_t length = 0, n = 0;
    rcr_folder *folder = NULL;
    const char *const *names = NULL;
    assert_int_equal(rcr_checkpoint_export(&bytes, &length, model, NULL), RCR_OK);
    assert_int_equal(rcr_folder_open_memory(&folder, bytes, length, 4 * length, NULL), RCR_OK);
    assert_int_equal(rcr_folder_list(&names, &n, folder, NULL), RCR_OK);
    assert_true(n <= MAX_MEMBERS - 1);
    for (; p.n < n; p.n++) {
        char *data = NULL;
        snprintf(p.name[p.n], sizeof p.name[0], "archive/%s", names[p.n]);
        assert_int_equal(rcr_folder_read(&data, &p.member[p.n].length, folder, names[p.n], NULL), RCR_OK);
        p.member[p.n].data = data;
    }
    rcr_folder_free(folder);
    rcr_free(bytes);
    return p;
}

static rcr_zip_member *find(parts *p, const char *name) {
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->name[i] + strlen("archive/"), name) == 0) return &p->member[i];
    fail_msg("no member %s", name);
    return NULL;
}

static void release(parts *p) {
    for (size_t i = 0; i < p->n; i++) rcr_free((void *)p->member[i].data);
}

/* Replace the first occurrence in a member. */
static void replace(parts *p, const char *name, const char *from, size_t n_from, const char *to, size_t n_to) {
    rcr_zip_member *m = find(p, name);
    const char *data = m->data;
    for (size_t i = 0; i + n_from <= m->length; i++) {
        if (memcmp(data + i, from, n_from) != 0) continue;
        char *changed = rcr_malloc(m->length + n_to, 1);
        assert_non_null(changed);
        memcpy(changed, data, i);
        memcpy(changed + i, to, n_to);
        memcpy(changed + i + n_to, data + i + n_from, m->length - i - n_from);
        rcr_free((void *)m->data);
        m->data = changed;
        m->length = m->length - n_from + n_to;
        return;
    }
    fail_msg("%s does not hold what is to be replaced", name);
}
#define REPLACE(p, name, from, to) replace(p, name, from, sizeof(from) - 1, to, sizeof(to) - 1)

static rcr_status import_bytes(rcr_error *err, const char *bytes, size_t length) {
    rcr_import_options options = rcr_import_options_default();
    rcr_model *model = NULL;
    char *copy = malloc(length + 1); /* of exactly that size, for the sanitizer */
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    rcr_status status = rcr_checkpoint_import(&model, copy, length, &options, err);
    free(copy);
    rcr_model_free(model);
    return status;
}

static void refused(parts *p, rcr_status status, const char *part) {
    char *bytes = NULL;
    size_t length = 0;
    rcr_error err = {0};
    for (size_t i = 0; i < p->n; i++) p->member[i].name = p->name[i];
    assert_int_equal(rcr_zip_write(&bytes, &length, p->member, p->n, 64, &err), RCR_OK);
    rcr_status got = import_bytes(&err, bytes, length);
    if (got != status || strstr(err.message, part) == NULL)
        fail_msg("status %d, not %d; '%s' should have '%s'", (int)got, (int)status, err.message, part);
    rcr_free(bytes);
    release(p);
}

static rcr_model *start(void) { return make_model(&model_variants[4], 1); } /* CGCNN, 3 layers, F = 8, H = 12 */

static void shapes_and_storages_must_fit(void **state) {
    (void)state;
    /* embedding.weight: 736 elements at offset 0, shape (8, 92), strides (92, 1) */
    static const struct {
        const char *from, *to;
        size_t n_from, n_to;
        rcr_status status;
        const char *part;
    } cases[] = {
#define CASE(from, to, status, part) {from, to, sizeof(from) - 1, sizeof(to) - 1, status, part}
        CASE("t(K\x5cK\x01t\x89", "t(K\x5cJ\xff\xff\xff\xfft\x89", RCR_ERR_PARSE, "stride 1 is not a whole number"),
        CASE("t(K\x5cK\x01t\x89", "t(J\xff\xff\xff\x7fK\x01t\x89", RCR_ERR_PARSE, "outside its storage"),
        CASE("t(K\x5cK\x01t\x89", "t(K\x5cK\x02t\x89", RCR_ERR_PARSE, "outside its storage"),
        CASE("t(K\x5cK\x01t\x89", "t(K\x5ct\x89", RCR_ERR_PARSE, "strides than dimensions"),
        CASE("t(K\x5cK\x01t\x89", "t(K\x5c\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7ft\x89", RCR_ERR_PARSE,
             "outside its storage"),
        CASE("QK\x00(K\x08K\x5ct", "QK\x01(K\x08K\x5ct", RCR_ERR_PARSE, "outside its storage"),
        CASE("QK\x00(K\x08K\x5ct", "Q\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f(K\x08K\x5ct", RCR_ERR_PARSE,
             "outside its storage"),
        CASE("QK\x00(K\x08K\x5ct", "QJ\xff\xff\xff\xff(K\x08K\x5ct", RCR_ERR_PARSE, "bad offset"),
        CASE("QK\x00(K\x08K\x5ct", "QK\x00(K\x09K\x5ct", RCR_ERR_PARSE, "do not fit 9 atom features"),
        CASE("QK\x00(K\x08K\x5ct", "QK\x00(K\x08K\x5dt", RCR_ERR_MISMATCH, "takes 93 features of an element"),
        CASE("QK\x00(K\x08K\x5ct", "QK\x00(\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\x5ct", RCR_ERR_PARSE, "no matrix"),
        CASE("QK\x00(K\x08K\x5ct", "QK\x00(K\x00K\x5ct", RCR_ERR_PARSE, "no matrix"),
        CASE("QK\x00(K\x08K\x5ct", "QK\x00(K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x08K\x5ct", RCR_ERR_UNSUPPORTED,
             "9 dimensions"),
        /* 7 times this is 2^64 + 5. */
        CASE("t(K\x5cK\x01t\x89", "t(\x8a\x08\x93\x24\x49\x92\x24\x49\x92\x24K\x01t\x89", RCR_ERR_PARSE,
             "outside its storage"),
        CASE("cpuJ\xe0\x02\x00\x00tQ", "cpuJ\xe0\x02\x00\x00(NK\x00NttQ", RCR_OK, ""),
        CASE("cpuJ\xe0\x02\x00\x00tQ", "cpuJ\xe0\x02\x00\x00(NK\x01NttQ", RCR_ERR_PARSE, "outside its storage"),
        CASE("cpuJ\xe0\x02\x00\x00tQ", "cpuJ\xe0\x02\x00\x00(NJ\xff\xff\xff\xffNttQ", RCR_ERR_PARSE,
             "view of a storage with a bad offset"),
        CASE("cpuJ\xe0\x02\x00\x00tQ", "cpuJ\xe1\x02\x00\x00tQ", RCR_ERR_PARSE, "which are not 737 elements"),
        CASE("cpuJ\xe0\x02\x00\x00tQ", "cpuJ\xff\xff\xff\xfftQ", RCR_ERR_PARSE, "without type, key or size"),
        CASE("FloatStorage", "LongStorage", RCR_ERR_PARSE, "which are not 736 elements of 8 bytes"),
        CASE("X\x01\x00\x00\x00"
             "0",
             "X\x01\x00\x00\x00"
             "x",
             RCR_ERR_PARSE, "lacks data/x"),
        CASE("X\x01\x00\x00\x00"
             "1",
             "X\x01\x00\x00\x00"
             "0",
             RCR_ERR_PARSE, "two types or sizes"),
        CASE("embedding.weight", "embedding.Weight", RCR_ERR_PARSE, "no tensor \"embedding.weight\""),
        CASE("fc_out.bias", "fc_out.bier", RCR_ERR_PARSE, "lacks the tensor \"fc_out.bias\""),
        CASE("num_batches_tracked", "num_batches_trackeX", RCR_ERR_UNSUPPORTED, "which neither CGCNN nor SR-CGCNN has"),
        CASE("normalizer", "normalisers", RCR_ERR_PARSE, "the pickle is damaged"),
        CASE("normalizer", "normaliser", RCR_ERR_PARSE, "no normalizer"),
        CASE("best_mae_error", "best_mse_error", RCR_OK, ""), /* cgcnn2's */
        CASE("state_dict", "state_dicT", RCR_ERR_PARSE, "no dict with a \"state_dict\""),
        CASE("regression", "nothingXXX", RCR_OK, ""),
        CASE("\x04\x00\x00\x00task", "\x04\x00\x00\x00tasK", RCR_OK, ""),
#undef CASE
    };
    rcr_model *model = start();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        parts p = take_apart(model);
        replace(&p, "data.pkl", cases[i].from, cases[i].n_from, cases[i].to, cases[i].n_to);
        refused(&p, cases[i].status, cases[i].part);
    }
    /* A key with a NUL names the same member once more, and each copied it again. */
    parts p = take_apart(model);
    REPLACE(&p, "data.pkl",
            "X\x01\x00\x00\x00"
            "0",
            "X\x03\x00\x00\x00"
            "0\x00"
            "1");
    refused(&p, RCR_ERR_PARSE, "not the name of a file");
    p = take_apart(model);
    REPLACE(&p, "data.pkl",
            "X\x01\x00\x00\x00"
            "0",
            "X\x03\x00\x00\x00"
            "./0");
    refused(&p, RCR_ERR_PARSE, "not the name of a file");
    p = take_apart(model); /* one row of 92 stands for all eight */
    REPLACE(&p, "data.pkl", "cpuJ\xe0\x02\x00\x00tQK\x00(K\x08K\x5ct(K\x5cK\x01t",
            "cpuK\x5ctQK\x00(K\x08K\x5ct(K\x00K\x01t");
    find(&p, "data/0")->length = 92 * 4;
    refused(&p, RCR_ERR_PARSE, "they overlap");
    rcr_model_free(model);
}

/* cgcnn2 saves a normalizer and learns the targets as they are; later versions save none. */
static void cgcnn2_applies_no_normalizer(void **state) {
    (void)state;
    rcr_model *model = start();
    model->targets[0].scale.normalizer = (rcr_normalizer){.mean = -1.25, .std = 0.75};
    for (int with = 0; with < 2; with++) {
        parts p = take_apart(model);
        char *bytes = NULL;
        size_t length = 0;
        rcr_error err = {0};
        rcr_model *got = NULL;
        rcr_import_options options = rcr_import_options_default();
        REPLACE(&p, "data.pkl", "best_mae_error", "best_mse_error");
        if (!with) REPLACE(&p, "data.pkl", "normalizer", "normaliser");
        for (size_t i = 0; i < p.n; i++) p.member[i].name = p.name[i];
        assert_int_equal(rcr_zip_write(&bytes, &length, p.member, p.n, 64, &err), RCR_OK);
        assert_int_equal(rcr_checkpoint_import(&got, bytes, length, &options, &err), RCR_OK);
        assert_true(got->targets[0].scale.normalizer.mean == 0 && got->targets[0].scale.normalizer.std == 1);
        rcr_model_free(got);
        options.max_neighbors = -5;
        got = NULL;
        assert_int_equal(rcr_checkpoint_import(&got, bytes, length, &options, &err), RCR_ERR_ARGUMENT);
        assert_null(got);
        options.max_neighbors = 0;
        options.tie_tolerance = 0.05;
        assert_int_equal(rcr_checkpoint_import(&got, bytes, length, &options, &err), RCR_OK);
        assert_true(got->graph.tie_tolerance == 0.05);
        rcr_model_free(got);
        rcr_free(bytes);
        release(&p);
    }
    rcr_model_free(model);
}

/* ---- torch's older format: pickles one after the other, then for each key a count and the elements */

typedef struct legacy {
    char bytes[1 << 16];
    size_t length;
} legacy;

static void add(legacy *l, const void *bytes, size_t length) {
    assert_true(length <= sizeof l->bytes - l->length);
    memcpy(l->bytes + l->length, bytes, length);
    l->length += length;
}
#define ADD(l, literal) add(l, literal, sizeof(literal) - 1)

/* What is wrong with one; 0: the same as everywhere. */
typedef struct legacy_fault {
    const char *twice;   /* a key that is listed again */
    const char *missing; /* a key that is not listed */
    long long more;      /* added to the first storage's count of elements */
    size_t cut;          /* bytes that lack at the end */
    int version, big_endian;
} legacy_fault;

static void list_keys(legacy *l, char (*key)[64], size_t *n, parts *p, const legacy_fault *fault) {
    *n = 0;
    ADD(l, "\x80\x02](");
    for (size_t i = 0; i <= p->n; i++) {
        const char *name = i < p->n ? p->name[i] + strlen("archive/") : fault->twice;
        if (i < p->n && strncmp(name, "data/", 5) == 0)
            name += 5;
        else if (i < p->n || name == NULL)
            continue;
        if (fault->missing != NULL && strcmp(name, fault->missing) == 0) continue;
        snprintf(key[(*n)++], sizeof key[0], "%s", name);
        const char head[5] = {'X', (char)strlen(name), 0, 0, 0};
        add(l, head, 5);
        add(l, name, strlen(name));
    }
    ADD(l, "e.");
}

/* The same checkpoint as an archive's members. */
static void make_legacy(legacy *l, parts *p, const legacy_fault *fault) {
    static char key[MAX_MEMBERS + 1][64];
    char name[80];
    size_t n;
    l->length = 0;
    ADD(l, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M");
    add(l, fault->version ? "\xea\x03." : "\xe9\x03.", 3);
    ADD(l, "\x80\x02}X\x0d\x00\x00\x00little_endian");
    add(l, fault->big_endian ? "\x89s." : "\x88s.", 3);
    add(l, find(p, "data.pkl")->data, find(p, "data.pkl")->length);
    list_keys(l, key, &n, p, fault);
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "data/%s", key[i]);
        const rcr_zip_member *m = find(p, name);
        /* A counter is one number of 8 bytes; weights have 4, and none of them is of two numbers. */
        uint64_t count = m->length / (m->length == 8 ? 8 : 4) + (i == 0 ? (uint64_t)fault->more : 0);
        unsigned char bytes[8];
        for (int b = 0; b < 8; b++) bytes[b] = (unsigned char)(count >> (8 * b));
        add(l, bytes, 8);
        add(l, m->data, m->length);
    }
    l->length -= fault->cut;
}

static void older_files_must_be_whole(void **state) {
    (void)state;
    static const struct {
        legacy_fault fault;
        rcr_status status;
        const char *part;
    } cases[] = {
        {{0}, RCR_OK, ""},
        {{.version = 1}, RCR_ERR_UNSUPPORTED, "another version"},
        {{.big_endian = 1}, RCR_ERR_UNSUPPORTED, "not little-endian"},
        {{.twice = "1"}, RCR_ERR_PARSE, "lists a storage twice"},
        {{.missing = "1"}, RCR_ERR_PARSE, "lacks the elements of"},
        {{.more = 1}, RCR_ERR_PARSE, "are announced"},
        {{.more = -1}, RCR_ERR_PARSE, "are announced"},
        {{.cut = 1}, RCR_ERR_PARSE, "truncated"},
        {{.cut = 7}, RCR_ERR_PARSE, "truncated"},
        {{.cut = 12}, RCR_ERR_PARSE, "truncated"},
        {{.cut = 100}, RCR_ERR_PARSE, "truncated"},
    };
    static legacy l;
    rcr_model *model = start();
    parts p = take_apart(model);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rcr_error err = {0};
        make_legacy(&l, &p, &cases[i].fault);
        rcr_status got = import_bytes(&err, l.bytes, l.length);
        if (got != cases[i].status || strstr(err.message, cases[i].part) == NULL)
            fail_msg("case %zu: status %d, not %d; '%s' should have '%s'", i, (int)got, (int)cases[i].status,
                     err.message, cases[i].part);
    }
    make_legacy(&l, &p, &cases[0].fault);
    for (size_t n = 0; n < l.length; n += n < 200 ? 1 : 97)
        assert_int_not_equal(import_bytes(NULL, l.bytes, n), RCR_OK);
    release(&p);
    rcr_model_free(model);
}

/* The storage that is `last` before the last: the mean is 1, the deviation 0. */
static void put_scalar(parts *p, size_t last, double value) {
    char name[32];
    float number = (float)value;
    snprintf(name, sizeof name, "data/%zu", p->n - 3 - 1 - last); /* beside data.pkl, byteorder, version */
    memcpy((void *)(uintptr_t)find(p, name)->data, &number, sizeof number);
}

static void numbers_must_be_numbers(void **state) {
    (void)state;
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        rcr_model *model = start();
        model->parameters[model->n_parameters - 1] = (rcr_real)bad[i];
        parts p = take_apart(model);
        refused(&p, RCR_ERR_PARSE, "\"fc_out.bias\" of the checkpoint holds a value that is not a finite number");
        model->parameters[model->n_parameters - 1] = 0;
        p = take_apart(model);
        put_scalar(&p, 1, bad[i]);
        refused(&p, RCR_ERR_PARSE, "finite mean");
        rcr_model_free(model);
    }
    rcr_model *model = start();
    int is_buffer;
    const rcr_tensor *variance = rcr_model_find(model, "convs.1.bn2.running_var", &is_buffer);
    model->buffers[variance->offset] = -1;
    parts p = take_apart(model);
    refused(&p, RCR_ERR_PARSE, "negative variance");
    model->buffers[variance->offset] = 1;
    p = take_apart(model);
    put_scalar(&p, 0, 0);
    refused(&p, RCR_ERR_PARSE, "std above 0");
    rcr_model_free(model);
}

static void archives_must_be_torchs(void **state) {
    (void)state;
    rcr_model *model = start();
    parts p = take_apart(model);
    REPLACE(&p, "byteorder", "little", "big");
    refused(&p, RCR_ERR_UNSUPPORTED, "not little-endian");
    p = take_apart(model);
    memcpy(strstr(p.name[0], "archive/") + 8, "x", 1); /* byteorder becomes a stranger, which does not matter */
    refused(&p, RCR_OK, "");
    p = take_apart(model);
    for (size_t i = 0; i < p.n; i++)
        if (strcmp(p.name[i], "archive/data.pkl") == 0) snprintf(p.name[i], sizeof p.name[i], "archive/data.pk");
    refused(&p, RCR_ERR_PARSE, "without data.pkl");
    p = take_apart(model);
    snprintf(p.name[0], sizeof p.name[0], "archive/constants.pkl");
    refused(&p, RCR_ERR_UNSUPPORTED, "TorchScript");
    char *bytes = NULL;
    size_t length = 0;
    rcr_error err = {0};
    assert_int_equal(rcr_checkpoint_export(&bytes, &length, model, NULL), RCR_OK);
    /* Cut anywhere in its members; without the directory after them, members can still be read one by one. */
    size_t end = 0;
    while (memcmp(bytes + end, "PK\1\2", 4) != 0) end++;
    for (size_t n = 0; n < end; n += n < 2000 ? 1 : 997) assert_int_not_equal(import_bytes(&err, bytes, n), RCR_OK);
    for (size_t n = end; n < length; n++) import_bytes(&err, bytes, n);
    rcr_free(bytes);
    rcr_model_free(model);
}

/* 64 MiB of zeros in a few kB. */
static void what_unpacks_to_too_much_is_refused(void **state) {
    (void)state;
    static char packed[1 << 20], zeros[1 << 16];
    size_t used = 0;
    struct archive *a = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    archive_write_set_format_zip(a);
    archive_write_zip_set_compression_deflate(a);
    assert_int_equal(archive_write_open_memory(a, packed, sizeof packed, &used), ARCHIVE_OK);
    archive_entry_set_pathname(entry, "archive/data.pkl");
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_size(entry, 64 << 20);
    assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
    for (int i = 0; i < 1024; i++) assert_int_equal(archive_write_data(a, zeros, sizeof zeros), sizeof zeros);
    archive_entry_free(entry);
    archive_write_free(a);
    rcr_error err = {0};
    assert_int_equal(import_bytes(&err, packed, used), RCR_ERR_LIMIT);
    assert_non_null(strstr(err.message, "may be unpacked"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_and_storages_must_fit), cmocka_unit_test(cgcnn2_applies_no_normalizer),
        cmocka_unit_test(older_files_must_be_whole),    cmocka_unit_test(numbers_must_be_numbers),
        cmocka_unit_test(archives_must_be_torchs),      cmocka_unit_test(what_unpacks_to_too_much_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
