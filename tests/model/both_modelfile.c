/* Model files: what is saved comes back bit for bit; what is damaged, forged or out of bounds is refused with a reason.
 */
#include <math.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/modelfile.h"
#include "support/check.h"
#include "support/models.h"

/* A folder of this run's own, and a path in it (static buffers). */
static char folder[256];

static const char *in_folder(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state) {
    (void)state;
    const char *root = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/rcr-modelfile-XXXXXX", root != NULL && root[0] != '\0' ? root : "/tmp");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state) {
    (void)state;
    unlink(in_folder("model.safetensors"));
    unlink(in_folder("a"));
    return rmdir(folder);
}

static void assert_equal_models(const rcr_model *a, const rcr_model *b) {
    assert_memory_equal(&a->options, &b->options, sizeof a->options);
    assert_true(rcr_graph_options_equal(&a->graph, &b->graph));
    assert_int_equal(a->n_gaussians, b->n_gaussians);
    assert_int_equal(a->n_outputs, b->n_outputs);
    assert_string_equal(a->elements->name, b->elements->name);
    assert_int_equal(a->elements->n_features, b->elements->n_features);
    assert_memory_equal(a->elements->known, b->elements->known, sizeof a->elements->known);
    assert_memory_equal(a->elements->row, b->elements->row,
                        sizeof(double) * sizeof a->elements->known * (size_t)a->elements->n_features);
    for (int32_t k = 0; k < a->options.n_targets; k++) {
        const rcr_scale *x = &a->targets[k].scale, *y = &b->targets[k].scale;
        assert_memory_equal(&x->normalizer, &y->normalizer, sizeof x->normalizer);
        assert_true(x->transform.kind == y->transform.kind && x->transform.parameter == y->transform.parameter);
        assert_string_equal(a->targets[k].name, b->targets[k].name);
        assert_string_equal(a->targets[k].unit, b->targets[k].unit);
    }
    assert_int_equal(a->n_batches_tracked, b->n_batches_tracked);
    assert_int_equal(a->n_parameters, b->n_parameters);
    assert_memory_equal(a->parameters, b->parameters, a->n_parameters * sizeof(rcr_real));
    assert_int_equal(a->n_buffer_values, b->n_buffer_values);
    assert_memory_equal(a->buffers, b->buffers, a->n_buffer_values * sizeof(rcr_real));
    assert_int_equal(a->n_meta, b->n_meta);
    for (size_t i = 0; i < a->n_meta; i++) assert_string_equal(rcr_model_get_meta(b, a->meta[i].key), a->meta[i].value);
}

static rcr_model *full_model(int variant) {
    rcr_model *model = make_model(&model_variants[variant], 11);
    model->graph.padding = RCR_PADDING_REFERENCE;
    model->graph.tie_tolerance = 1e-3;
    model->n_batches_tracked = 123456789012;
    model->targets[0].scale.normalizer = (rcr_normalizer){.mean = -0.1, .std = 1.0 / 3};
    assert_int_equal(rcr_model_set_meta(model, "train.data", "\xc3\xa9tude \"a\"\n", NULL), RCR_OK);
    assert_int_equal(rcr_model_set_meta(model, "checksum", "not the file's own", NULL), RCR_OK);
    return model;
}

static void what_is_saved_comes_back(void **state) {
    (void)state;
    for (int v = 0; v < N_ALL_VARIANTS; v++) {
        rcr_model *model = full_model(v), *loaded = NULL, *again = NULL;
        rcr_error err = {0};
        const char *path = in_folder("model.safetensors");
        assert_int_equal(rcr_model_save(model, path, &err), RCR_OK);
        assert_int_equal(rcr_model_load(&loaded, path, &err), RCR_OK);
        assert_equal_models(model, loaded);
        assert_int_equal(rcr_model_load(&again, folder, &err), RCR_OK); /* a run directory */
        assert_equal_models(model, again);
        /* saving what was loaded gives the same file */
        char *first = NULL, *second = NULL;
        size_t n_first = 0, n_second = 0;
        assert_int_equal(rcr_file_read(&first, &n_first, path, 1 << 24, NULL), RCR_OK);
        assert_int_equal(rcr_model_save(loaded, in_folder("a"), &err), RCR_OK);
        assert_int_equal(rcr_file_read(&second, &n_second, in_folder("a"), 1 << 24, NULL), RCR_OK);
        assert_int_equal(n_first, n_second);
        assert_memory_equal(first, second, n_first);
        rcr_free(first);
        rcr_free(second);
        rcr_model_free(model);
        rcr_model_free(loaded);
        rcr_model_free(again);
    }
}

static void failures_name_the_file(void **state) {
    (void)state;
    rcr_model *model = full_model(0), *loaded = NULL;
    rcr_error err = {0};
    assert_int_equal(rcr_model_save(model, in_folder("absent/model"), &err), RCR_ERR_IO);
    assert_non_null(strstr(err.file, "absent/model"));
    assert_int_equal(rcr_model_load(&loaded, in_folder("nothing"), &err), RCR_ERR_IO);
    assert_non_null(strstr(err.file, "nothing"));
    unlink(in_folder("model.safetensors"));
    assert_int_equal(rcr_model_load(&loaded, folder, &err), RCR_ERR_IO);
    assert_non_null(strstr(err.message, "model.safetensors"));
    assert_int_equal(rcr_file_write(in_folder("a"), "nonsense, but long enough", 25, NULL), RCR_OK);
    assert_int_equal(rcr_model_load(&loaded, in_folder("a"), &err), RCR_ERR_PARSE);
    assert_null(loaded);
    rcr_model_free(model);
}

/* Names of files are bytes; a run ended after its last epoch where the data's was not UTF-8. */
static void names_that_are_not_utf8_are_saved(void **state) {
    (void)state;
    rcr_model *model = full_model(0), *loaded = NULL;
    rcr_error err = {0};
    assert_int_equal(rcr_model_set_meta(model, "data", "old", NULL), RCR_OK);
    assert_int_equal(rcr_model_set_meta(model, "data", "m\xe4\xc3\xa4\xff", NULL), RCR_OK);
    assert_int_equal(rcr_model_set_meta(model, "k\xff", "", NULL), RCR_OK);
    assert_int_equal(rcr_model_save(model, in_folder("a"), &err), RCR_OK);
    assert_int_equal(rcr_model_load(&loaded, in_folder("a"), &err), RCR_OK);
    assert_string_equal(rcr_model_get_meta(loaded, "data"), "m\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd");
    assert_string_equal(rcr_model_get_meta(loaded, "k\xef\xbf\xbd"), "");
    /* What a column is called is not changed behind its back. */
    assert_int_equal(rcr_model_set_target(loaded, "\xe4", "eV", &err), RCR_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "name of a target"));
    assert_int_equal(rcr_model_set_target(loaded, "gap",
                                          "\xb5"
                                          "eV",
                                          &err),
                     RCR_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "unit of a target"));
    assert_null(strstr(err.message, "memory"));
    assert_string_equal(loaded->targets[0].unit, model->targets[0].unit);
    rcr_model_free(loaded);
    rcr_model_free(model);
}

/* Looked up one by one among all, 40,000 took two seconds. */
static void many_metadata_keep_their_order(void **state) {
    (void)state;
    enum { N = 100000 };
    rcr_model *model = full_model(0), *loaded = NULL, *copy = NULL;
    char key[32], value[32], *bytes = NULL;
    size_t length = 0, n = model->n_meta;
    for (int i = 0; i < N; i++) {
        snprintf(key, sizeof key, "k%d", i * 7919 % N);
        snprintf(value, sizeof value, "%d", i);
        assert_int_equal(rcr_model_add_meta(model, key, value, NULL), RCR_OK);
    }
    assert_int_equal(rcr_model_pack(&bytes, &length, model, NULL), RCR_OK);
    assert_int_equal(rcr_model_parse(&loaded, bytes, length, NULL), RCR_OK);
    assert_int_equal(rcr_model_copy(&copy, loaded, NULL), RCR_OK);
    assert_int_equal(copy->n_meta, n + N);
    for (size_t i = 0; i < n + N; i++) {
        assert_string_equal(copy->meta[i].key, model->meta[i].key);
        assert_string_equal(copy->meta[i].value, model->meta[i].value);
    }
    rcr_free(bytes);
    rcr_model_free(copy);
    rcr_model_free(loaded);
    rcr_model_free(model);
}

static char *saved_bytes(size_t *length) {
    rcr_model *model = full_model(2);
    char *bytes = NULL;
    assert_int_equal(rcr_model_save(model, in_folder("a"), NULL), RCR_OK);
    assert_int_equal(rcr_file_read(&bytes, length, in_folder("a"), 1 << 24, NULL), RCR_OK);
    rcr_model_free(model);
    return bytes;
}

/* What a file is refused with of which this bit is another. */
static rcr_status parse_flipped(char *bytes, size_t length, size_t at, int bit) {
    rcr_model *model = NULL;
    rcr_error err = {0};
    bytes[at] = (char)(bytes[at] ^ (1 << bit));
    rcr_status status = rcr_model_parse(&model, bytes, length, &err);
    if (status != RCR_ERR_PARSE && status != RCR_ERR_MISMATCH && status != RCR_ERR_UNSUPPORTED)
        fail_msg("byte %zu of %zu: %s", at, length, rcr_status_name(status));
    assert_true(strlen(err.message) > 10);
    bytes[at] = (char)(bytes[at] ^ (1 << bit));
    return status;
}

/* The first and the last byte of each tensor: some are of one number, which steps through the data pass over. */
static void flip_every_tensor(char *bytes, size_t length) {
    rcr_safetensors *file = NULL;
    assert_int_equal(rcr_safetensors_parse(&file, bytes, length, NULL), RCR_OK);
    for (size_t i = 0; i < file->n_tensors; i++)
        for (int last = 0; last < 2; last++) {
            size_t at = (size_t)((const char *)file->tensor[i].data - bytes);
            rcr_status status = parse_flipped(bytes, length, at + (last ? rcr_st_bytes(&file->tensor[i]) - 1 : 0), 0);
            if (status != RCR_ERR_MISMATCH) fail_msg("%s: %s", file->tensor[i].name, rcr_status_name(status));
        }
    rcr_safetensors_free(file);
}

/* Every byte of the header, and one in 97 of the data, in turn. */
static void every_flipped_byte_is_noticed(void **state) {
    (void)state;
    size_t length = 0, n_header;
    char *bytes = saved_bytes(&length);
    n_header = 8 + (unsigned char)bytes[0] + 256u * (unsigned char)bytes[1];
    assert_true(n_header < length && n_header > 1000);
    for (size_t at = 0; at < length; at += at < n_header ? 1 : 97) {
        for (int bit = 0; bit < 8; bit += 7) {
            rcr_status status = parse_flipped(bytes, length, at, bit);
            if (at >= n_header) assert_int_equal(status, RCR_ERR_MISMATCH);
        }
    }
    rcr_model *model = NULL;
    assert_int_equal(rcr_model_parse(&model, bytes, length, NULL), RCR_OK);
    rcr_model_free(model);
    flip_every_tensor(bytes, length);
    for (size_t n = 0; n < length; n += 61) {
        model = NULL;
        assert_int_equal(rcr_model_parse(&model, bytes, n, NULL), RCR_ERR_PARSE);
    }
    rcr_free(bytes);
}

/* ---- files with a right checksum over wrong content */

typedef struct forgery {
    rcr_safetensors *file;
    rcr_st_tensor tensor[64];
    size_t n_tensors, n_meta;
    const char *key[64], *value[64];
} forgery;

static void start_forgery(forgery *f, const char *bytes, size_t length) {
    *f = (forgery){0};
    assert_int_equal(rcr_safetensors_parse(&f->file, bytes, length, NULL), RCR_OK);
    assert_true(f->file->n_tensors < 60 && f->file->n_meta < 60);
    memcpy(f->tensor, f->file->tensor, f->file->n_tensors * sizeof f->tensor[0]);
    f->n_tensors = f->file->n_tensors;
    for (size_t i = 0; i < f->file->n_meta; i++) {
        f->key[i] = f->file->meta_key[i];
        f->value[i] = f->file->meta_value[i];
    }
    f->n_meta = f->file->n_meta;
}

static rcr_status finish_forgery(forgery *f, rcr_error *err) {
    char checksum[65], *bytes = NULL;
    size_t length = 0;
    rcr_model *model = NULL;
    assert_int_equal(rcr_model_checksum(checksum, f->tensor, f->n_tensors, f->key, f->value, f->n_meta, NULL), RCR_OK);
    for (size_t i = 0; i < f->n_meta; i++)
        if (strcmp(f->key[i], "checksum") == 0) f->value[i] = checksum;
    assert_int_equal(rcr_safetensors_write(&bytes, &length, f->tensor, f->n_tensors, f->key, f->value, f->n_meta, NULL),
                     RCR_OK);
    rcr_status status = rcr_model_parse(&model, bytes, length, err);
    rcr_model_free(model);
    rcr_free(bytes);
    rcr_safetensors_free(f->file);
    return status;
}

typedef struct forged_pair {
    const char *key, *value; /* value NULL: the key is renamed away */
    rcr_status status;       /* of reading the file then */
} forged_pair;

/* The file of these bytes, with one pair of its metadata forged at a time. */
static void check_forged_metadata(const char *bytes, size_t length, const forged_pair *pair, size_t n) {
    for (size_t i = 0; i < n; i++) {
        forgery f;
        start_forgery(&f, bytes, length);
        size_t place = f.n_meta;
        for (size_t j = 0; j < f.n_meta; j++)
            if (strcmp(f.key[j], pair[i].key) == 0) place = j;
        assert_true(place < f.n_meta);
        if (pair[i].value != NULL)
            f.value[place] = pair[i].value;
        else
            f.key[place] = "elsewhere";
        rcr_error err = {0};
        rcr_status status = finish_forgery(&f, &err);
        if (status != pair[i].status)
            fail_msg("%s = %s: %s: %s", pair[i].key, pair[i].value != NULL ? pair[i].value : "(absent)",
                     rcr_status_name(status), err.message);
        if (status != RCR_OK) assert_int_equal(err.status, status);
    }
}

static rcr_st_tensor *tensor_of(forgery *f, const char *name) {
    for (size_t i = 0; i < f->n_tensors; i++)
        if (strcmp(f->tensor[i].name, name) == 0) return &f->tensor[i];
    fail_msg("no tensor %s", name);
    return NULL;
}

static void forged_metadata_are_refused(void **state) {
    (void)state;
    static const forged_pair cases[] = {
        {"format", "recryst-model", RCR_OK},
        {"format", "pt", RCR_ERR_PARSE},
        {"format_version", "3", RCR_ERR_UNSUPPORTED},
        {"format_version", NULL, RCR_ERR_UNSUPPORTED},
        {"architecture", "gatgnn", RCR_ERR_UNSUPPORTED},
        {"architecture", NULL, RCR_ERR_PARSE},
        {"task", "ranking", RCR_ERR_UNSUPPORTED},
        {"depth", "0", RCR_ERR_PARSE},
        {"depth", "2", RCR_ERR_PARSE},
        {"depth", "-1", RCR_ERR_PARSE},
        {"depth", "1.0", RCR_ERR_PARSE},
        {"depth", "99999999999999999999", RCR_ERR_PARSE},
        {"atom_features", "4096", RCR_ERR_LIMIT},
        {"atom_features", "2147483647", RCR_ERR_PARSE},
        {"hidden_layers", "100", RCR_ERR_LIMIT},
        {"gate", "1", RCR_ERR_PARSE},
        {"layer_norm", "7", RCR_ERR_PARSE},
        {"graph.radius", "nan", RCR_ERR_PARSE},
        {"graph.radius", "-8", RCR_ERR_PARSE},
        {"graph.radius", "9", RCR_ERR_PARSE}, /* another number of Gaussians than the weights have */
        {"graph.step", "1e-9", RCR_ERR_PARSE},
        {"graph.padding", "zero", RCR_ERR_UNSUPPORTED},
        {"graph.ties", "", RCR_ERR_UNSUPPORTED},
        {"graph.disorder", "sometimes", RCR_ERR_UNSUPPORTED},
        {"graph.disorder", "average", RCR_OK},
        {"graph.disorder", NULL, RCR_OK}, /* as in files from before there was a choice */
        {"target.name", NULL, RCR_ERR_PARSE},
        {"target.std", "0", RCR_ERR_PARSE},
        {"target.std", "inf", RCR_ERR_PARSE},
        {"n_batches_tracked", "-1", RCR_ERR_PARSE},
        {"element_table.name", NULL, RCR_ERR_PARSE},
        {"element_table.name", "a name that is far longer than the sixty-three characters that the table has room for",
         RCR_OK},
    };
    size_t length = 0;
    char *bytes = saved_bytes(&length);
    check_forged_metadata(bytes, length, cases, sizeof cases / sizeof cases[0]);
    rcr_free(bytes);
}

/* A model that format 1 can hold is written as such, so that older programs read it; others are not, so that none
 * takes a part of them for the whole. */
static void formats_are_told_apart(void **state) {
    (void)state;
    for (int v = 0; v < N_ALL_VARIANTS; v++) {
        rcr_model *model = full_model(v);
        for (int transformed = 0; transformed < 2; transformed++) {
            rcr_model_pairs pairs;
            const char *version = NULL, *n_targets = NULL;
            if (transformed && v < N_MODEL_VARIANTS && model->options.task == RCR_REGRESSION)
                model->targets[0].scale.transform = (rcr_transform){RCR_TRANSFORM_LOG1P, 0};
            else if (transformed)
                break;
            assert_int_equal(rcr_model_describe_pairs(&pairs, model, NULL), RCR_OK);
            for (size_t i = 0; i < pairs.n; i++) {
                if (strcmp(pairs.key[i], "format_version") == 0) version = pairs.value[i];
                if (strcmp(pairs.key[i], "n_targets") == 0) n_targets = pairs.value[i];
            }
            assert_string_equal(version, v >= N_MODEL_VARIANTS || transformed ? "2" : "1");
            assert_int_equal(n_targets != NULL, v >= N_MODEL_VARIANTS || transformed);
            rcr_model_pairs_release(&pairs);
        }
        rcr_model_free(model);
    }
}

static void forged_targets_are_refused(void **state) {
    (void)state;
    static const forged_pair cases[] = {
        {"n_targets", "3", RCR_OK},
        {"n_targets", "0", RCR_ERR_PARSE},
        {"n_targets", "2", RCR_ERR_PARSE},
        {"n_targets", "1025", RCR_ERR_PARSE},
        {"n_targets", "2147483647", RCR_ERR_PARSE},
        {"variance", "0", RCR_ERR_PARSE},
        {"variance", "2", RCR_ERR_PARSE},
        {"task", "classification", RCR_ERR_PARSE},
        {"target.2.transform", "square", RCR_ERR_UNSUPPORTED},
        {"target.2.transform", "box-cox", RCR_ERR_PARSE}, /* whose lambda is not there */
        {"target.3.transform", "none", RCR_OK},
        {"target.3.transform_parameter", "2", RCR_OK},
        {"target.3.transform_parameter", "2.5", RCR_ERR_PARSE},
        {"target.3.transform_parameter", "-0.1", RCR_ERR_PARSE},
        {"target.3.transform_parameter", "nan", RCR_ERR_PARSE},
        {"target.3.std", "-1", RCR_ERR_PARSE},
        {"target.3.name", NULL, RCR_ERR_PARSE},
        {"target.2.mean", NULL, RCR_ERR_PARSE},
    };
    rcr_model *model = full_model(N_MODEL_VARIANTS);
    char *bytes = NULL;
    size_t length = 0;
    assert_int_equal(rcr_model_pack(&bytes, &length, model, NULL), RCR_OK);
    rcr_model_free(model);
    check_forged_metadata(bytes, length, cases, sizeof cases / sizeof cases[0]);
    rcr_free(bytes);
}

/* The bytes of n equal values in the dtype of this build's weights; freed by the caller. */
static rcr_real *filled(size_t n, double value) {
    rcr_real *values = calloc(n, sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < n; i++) values[i] = (rcr_real)value;
    return values;
}

static void forged_tensors_are_refused(void **state) {
    (void)state;
    size_t length = 0;
    char *bytes = saved_bytes(&length);
    static const struct {
        const char *name;
        double value;
        rcr_status status;
    } cases[] = {
        {"fc_out.weight", 0.5, RCR_OK},
        {"fc_out.weight", NAN, RCR_ERR_PARSE},
        {"embedding.bias", INFINITY, RCR_ERR_PARSE},
        {"recurrent_bn1s.0.running_var", -1, RCR_ERR_PARSE},
        {"recurrent_bn1s.0.running_mean", -1, RCR_OK},
        {"recurrent_bn2s.0.running_mean", NAN, RCR_ERR_PARSE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        forgery f;
        start_forgery(&f, bytes, length);
        rcr_st_tensor *tensor = tensor_of(&f, cases[i].name);
        rcr_real *values = filled(tensor->count, cases[i].value);
        tensor->data = values;
        rcr_error err = {0};
        assert_int_equal(finish_forgery(&f, &err), cases[i].status);
        if (cases[i].status != RCR_OK) assert_non_null(strstr(err.message, cases[i].name));
        free(values);
    }
    for (int last = 0; last < 2; last++) { /* the elements' vectors are always double */
        static double rows[119 * 4096];
        forgery f;
        start_forgery(&f, bytes, length);
        rcr_st_tensor *tensor = tensor_of(&f, "element_table.row");
        assert_true(tensor->count <= sizeof rows / sizeof rows[0]);
        memcpy(rows, tensor->data, tensor->count * sizeof rows[0]);
        rows[last ? tensor->count - 1 : 0] = last ? (double)INFINITY : (double)NAN;
        tensor->data = rows;
        rcr_error err = {0};
        assert_int_equal(finish_forgery(&f, &err), RCR_ERR_PARSE);
        assert_non_null(strstr(err.message, "element table"));
    }
    static const char *const changes[] = {"transposed",       "absent",   "one more",  "as integers",
                                          "table transposed", "no table", "known is 2"};
    for (int i = 0; i < 7; i++) {
        forgery f;
        unsigned char known[119] = {0};
        known[5] = 2;
        start_forgery(&f, bytes, length);
        rcr_st_tensor *tensor = tensor_of(&f, i < 4 ? "conv_to_fc.weight" : "element_table.row");
        int64_t rows = tensor->shape[0];
        if (i == 0 || i == 4) {
            tensor->shape[0] = tensor->shape[1];
            tensor->shape[1] = rows;
        }
        if (i == 1 || i == 5) tensor->name = "renamed";
        if (i == 2) {
            f.tensor[f.n_tensors] = *tensor;
            f.tensor[f.n_tensors++].name = "surplus";
        }
        if (i == 3) memcpy(tensor->dtype, sizeof(rcr_real) == 8 ? "I64" : "I32", 4);
        if (i == 6) tensor_of(&f, "element_table.known")->data = known;
        rcr_error err = {0};
        if (finish_forgery(&f, &err) != RCR_ERR_PARSE) fail_msg("passed: %s", changes[i]);
    }
    rcr_free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_saved_comes_back),
        cmocka_unit_test(failures_name_the_file),
        cmocka_unit_test(names_that_are_not_utf8_are_saved),
        cmocka_unit_test(many_metadata_keep_their_order),
        cmocka_unit_test(every_flipped_byte_is_noticed),
        cmocka_unit_test(forged_metadata_are_refused),
        cmocka_unit_test(formats_are_told_apart),
        cmocka_unit_test(forged_targets_are_refused),
        cmocka_unit_test(forged_tensors_are_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
