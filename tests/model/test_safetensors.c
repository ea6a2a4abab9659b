/* The safetensors container: what the format allows is read, everything else is refused with a reason. */
#include "model/safetensors.h"

#include "base/mem.h"
#include "support/check.h"

/* A file of a JSON header and n zero bytes of data, in a block of exactly its size so that a sanitizer sees over-reads;
 * freed by the caller. */
static unsigned char *make_file(size_t *length, const char *header, size_t n) {
    size_t n_header = strlen(header);
    *length = 8 + n_header + n;
    unsigned char *bytes = calloc(1, *length);
    assert_non_null(bytes);
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(n_header >> (8 * i) & 0xff);
    memcpy(bytes + 8, header, n_header);
    return bytes;
}

static rcr_status parse_status(const char *header, size_t n_data, rcr_error *err) {
    size_t length;
    unsigned char *bytes = make_file(&length, header, n_data);
    rcr_safetensors *file = NULL;
    rcr_status status = rcr_safetensors_parse(&file, bytes, length, err);
    if (status == RCR_OK) {
        rcr_safetensors_free(file);
    } else {
        assert_null(file);
        assert_int_equal(err->status, status);
        assert_true(strlen(err->message) > 10);
    }
    free(bytes);
    return status;
}

static void reads_what_the_format_allows(void **state) {
    (void)state;
    size_t length;
    /* Written out by hand: metadata, a scalar, an empty tensor, tensors out of order, padding. */
    unsigned char *bytes = make_file(&length,
                                     "{\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[9,17]},"
                                     "\"__metadata__\":{\"k\":\"v\"},"
                                     "\"a\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[0,8]},"
                                     "\"e\":{\"dtype\":\"I32\",\"shape\":[3,0],\"data_offsets\":[9,9]},"
                                     "\"u\":{\"dtype\":\"U8\",\"shape\":[1,1],\"data_offsets\":[8,9]}}   ",
                                     17);
    unsigned char *data = bytes + length - 17;
    const unsigned char half[8] = {0, 0, 0, 0, 0, 0, 0xe0, 0x3f}; /* 0.5 in double */
    const unsigned char minus_two[4] = {0, 0, 0, 0xc0};           /* -2 in float */
    memcpy(data, half, 8);
    data[8] = 250;
    memcpy(data + 13, minus_two, 4);
    rcr_safetensors *file = NULL;
    rcr_error err = {0};
    assert_int_equal(rcr_safetensors_parse(&file, bytes, length, &err), RCR_OK);
    assert_int_equal(file->n_tensors, 4);
    assert_int_equal(file->n_meta, 1);
    assert_string_equal(rcr_safetensors_meta(file, "k"), "v");
    assert_null(rcr_safetensors_meta(file, "x"));
    assert_null(rcr_safetensors_find(file, "x"));
    const rcr_st_tensor *a = rcr_safetensors_find(file, "a"), *b = rcr_safetensors_find(file, "b");
    assert_int_equal(a->rank, 0);
    assert_int_equal(a->count, 1);
    assert_true(rcr_st_value(a, 0) == 0.5);
    assert_int_equal(b->count, 2);
    assert_true(rcr_st_value(b, 0) == 0 && rcr_st_value(b, 1) == -2);
    assert_int_equal(rcr_safetensors_find(file, "e")->count, 0);
    assert_true(rcr_st_value(rcr_safetensors_find(file, "u"), 0) == 250);
    rcr_safetensors_free(file);
    rcr_safetensors_free(NULL);
    free(bytes);
    assert_int_equal(parse_status("{}", 0, &err), RCR_OK);
}

#define T(dtype, shape, offsets) "{\"t\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static void refuses_the_rest(void **state) {
    (void)state;
    static const struct {
        const char *header;
        size_t n_data;
        rcr_status status;
    } cases[] = {
        {T("\"F32\"", "[2]", "[0,8]"), 8, RCR_OK},
        {T("\"F32\"", "[2]", "[0,8]"), 7, RCR_ERR_PARSE},
        {T("\"F32\"", "[2]", "[0,8]"), 9, RCR_ERR_PARSE},
        {T("\"F32\"", "[3]", "[0,8]"), 8, RCR_ERR_PARSE},
        {T("\"F32\"", "[2]", "[8,0]"), 8, RCR_ERR_PARSE},
        {T("\"F32\"", "[2]", "[-8,0]"), 8, RCR_ERR_PARSE},
        {T("\"F32\"", "[2]", "[1,9]"), 9, RCR_ERR_PARSE},
        {T("\"F32\"", "[2]", "[0,8.0]"), 8, RCR_ERR_PARSE},
        {T("\"F32\"", "[2]", "[0,8,8]"), 8, RCR_ERR_PARSE},
        {T("\"F32\"", "[2]", "\"0\""), 8, RCR_ERR_PARSE},
        {T("\"F32\"", "[-2]", "[0,8]"), 8, RCR_ERR_PARSE},
        {T("\"F32\"", "[2.0]", "[0,8]"), 8, RCR_ERR_PARSE},
        {T("\"F32\"", "2", "[0,8]"), 8, RCR_ERR_PARSE},
        /* 2^62 * 4 bytes and 2^33 * 2^33 * ... wrap around to 0 */
        {T("\"F32\"", "[4611686018427387904]", "[0,0]"), 0, RCR_ERR_PARSE},
        {T("\"F32\"", "[8589934592,8589934592]", "[0,0]"), 0, RCR_ERR_PARSE},
        {T("\"F32\"", "[99999999999999999999]", "[0,0]"), 0, RCR_ERR_PARSE},
        {T("\"F32\"", "[1]", "[0,9223372036854775807]"), 4, RCR_ERR_PARSE},
        {T("\"F33\"", "[2]", "[0,8]"), 8, RCR_ERR_UNSUPPORTED},
        {T("7", "[2]", "[0,8]"), 8, RCR_ERR_PARSE},
        {T("\"F32\"", "[1,1,1,1,1,1,1,1,2]", "[0,8]"), 8, RCR_ERR_UNSUPPORTED},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
         3, RCR_ERR_PARSE}, /* overlap */
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[3,5]}}",
         5, RCR_ERR_PARSE}, /* hole */
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
         "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
         1, RCR_ERR_PARSE}, /* a name twice */
        {"{\"__metadata__\":{\"k\":1}}", 0, RCR_ERR_PARSE},
        {"{\"__metadata__\":[]}", 0, RCR_ERR_PARSE},
        {"{\"t\":3}", 0, RCR_ERR_PARSE},
        {"[]", 0, RCR_ERR_PARSE},
        {"", 0, RCR_ERR_PARSE},
        {"{}\n", 0, RCR_ERR_PARSE},
        {"{", 0, RCR_ERR_PARSE},
        {"{\"\xff\":{}}", 0, RCR_ERR_PARSE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rcr_error err = {0};
        rcr_status status = parse_status(cases[i].header, cases[i].n_data, &err);
        if (status != cases[i].status) fail_msg("case %zu: %s: %s", i, rcr_status_name(status), err.message);
    }
}

static void refuses_every_truncation(void **state) {
    (void)state;
    size_t length;
    unsigned char *bytes = make_file(&length, T("\"F32\"", "[2]", "[0,8]"), 8);
    for (size_t n = 0; n < length; n++) {
        unsigned char *part = malloc(n + (n == 0));
        memcpy(part, bytes, n);
        rcr_safetensors *file = NULL;
        assert_int_equal(rcr_safetensors_parse(&file, part, n, NULL), RCR_ERR_PARSE);
        free(part);
    }
    memset(bytes, 0xff, 8);
    rcr_safetensors *file = NULL;
    assert_int_equal(rcr_safetensors_parse(&file, bytes, length, NULL), RCR_ERR_PARSE);
    free(bytes);
}

static void writes_what_it_reads(void **state) {
    (void)state;
    const unsigned char values[13] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
    const rcr_st_tensor tensors[] = {
        {.name = "first \"quoted\"", .dtype = "I64", .rank = 1, .shape = {1}, .count = 1, .data = values},
        {.name = "second", .dtype = "U8", .rank = 2, .shape = {5, 1}, .count = 5, .data = values + 8},
        {.name = "none", .dtype = "F32", .rank = 1, .shape = {0}, .count = 0, .data = NULL},
    };
    const char *const keys[] = {"name", "unit"}, *const values_text[] = {"\xc3\xa9\n\\", ""};
    char *bytes = NULL;
    size_t length = 0;
    rcr_error err = {0};
    assert_int_equal(rcr_safetensors_write(&bytes, &length, tensors, 3, keys, values_text, 2, &err), RCR_OK);
    assert_int_equal((length - 13) % 8, 0); /* the data are aligned */
    rcr_safetensors *file = NULL;
    assert_int_equal(rcr_safetensors_parse(&file, bytes, length, &err), RCR_OK);
    assert_int_equal(file->n_tensors, 3);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(file->tensor[i].name, tensors[i].name);
        assert_string_equal(file->tensor[i].dtype, tensors[i].dtype);
        assert_int_equal(file->tensor[i].rank, tensors[i].rank);
        assert_memory_equal(file->tensor[i].shape, tensors[i].shape, sizeof tensors[i].shape);
    }
    assert_memory_equal(file->tensor[0].data, values, 13);
    assert_string_equal(rcr_safetensors_meta(file, "name"), values_text[0]);
    assert_string_equal(rcr_safetensors_meta(file, "unit"), "");
    rcr_safetensors_free(file);
    rcr_free(bytes);
}

static void refuses_to_write_nonsense(void **state) {
    (void)state;
    const unsigned char value[4] = {0};
    rcr_st_tensor tensor[2] = {{.name = "a", .dtype = "F32", .rank = 1, .shape = {1}, .count = 1, .data = value},
                               {.name = "a", .dtype = "F32", .rank = 1, .shape = {1}, .count = 1, .data = value}};
    char *bytes = NULL;
    size_t length = 77;
    assert_int_equal(rcr_safetensors_write(&bytes, &length, tensor, 2, NULL, NULL, 0, NULL), RCR_ERR_ARGUMENT);
    tensor[1].name = "b";
    tensor[1].count = 2;
    assert_int_equal(rcr_safetensors_write(&bytes, &length, tensor, 2, NULL, NULL, 0, NULL), RCR_ERR_ARGUMENT);
    tensor[1].count = 1;
    tensor[1].name = "\xff";
    assert_int_equal(rcr_safetensors_write(&bytes, &length, tensor, 2, NULL, NULL, 0, NULL), RCR_ERR_ARGUMENT);
    assert_null(bytes);
    assert_int_equal(length, 77);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_the_format_allows), cmocka_unit_test(refuses_the_rest),
        cmocka_unit_test(refuses_every_truncation),     cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(refuses_to_write_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
