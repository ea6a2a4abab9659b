/* Pickles that want more than they may: each is refused with a message that says why, and none runs, hangs or grows. */
#include "exchange/import.h"
#include "support/check.h"

/* A pickle put together from its instructions (without the end, which is added). */
typedef struct script {
    char bytes[1 << 16];
    size_t length;
} script;

static void add(script *s, const void *bytes, size_t length) {
    assert_true(s->length + length <= sizeof s->bytes);
    memcpy(s->bytes + s->length, bytes, length);
    s->length += length;
}
/* A literal with its NULs. */
#define ADD(s, literal) add(s, literal, sizeof(literal) - 1)

static script begin(void) {
    script s = {.length = 0};
    ADD(&s, "\x80\x02");
    return s;
}

/* The text of `n` characters at `text`. */
static void add_text(script *s, const char *text) {
    size_t n = strlen(text);
    unsigned char head[5] = {'X', (unsigned char)n, 0, 0, 0};
    add(s, head, 5);
    add(s, text, n);
}

static rcr_pickle *parse(script *s) {
    rcr_pickle *pickle = NULL;
    rcr_error err = {0};
    size_t consumed = 0;
    ADD(s, ".");
    if (rcr_pickle_parse(&pickle, &consumed, s->bytes, s->length, &err) != RCR_OK) fail_msg("%s", err.message);
    assert_int_equal(consumed, s->length);
    return pickle;
}

static void refused(script *s, rcr_status status, const char *part) {
    rcr_pickle *pickle = NULL;
    rcr_error err = {0};
    char *copy = malloc(s->length + 1); /* of exactly that size, so that a sanitizer sees a byte too far */
    assert_non_null(copy);
    memcpy(copy, s->bytes, s->length);
    copy[s->length] = '.';
    rcr_status got = rcr_pickle_parse(&pickle, NULL, copy, s->length + 1, &err);
    free(copy);
    if (got != status || strstr(err.message, part) == NULL)
        fail_msg("status %d, not %d; '%s' should have '%s'", (int)got, (int)status, err.message, part);
    assert_null(pickle);
}

static void names_are_refused_by_name(void **state) {
    (void)state;
    static const char *const names[][2] = {
        {"posix", "system"},
        {"os", "system"},
        {"builtins", "eval"},
        {"__builtin__", "exec"},
        {"builtins", "getattr"},
        {"subprocess", "Popen"},
        {"torch", "load"},
        {"numpy", "load"},
        {"argparse", "FileType"},
        {"collections", "deque"},
        {"torch", "FloatStorageX"},
        {"torch.hub", "load"},
        {"functools", "partial"},
        {"", ""},
        /* What pickles are known to have carried: ways to run a command or code, to load, to reach, to open, to write.
         */
        {"nt", "system"},
        {"os", "popen"},
        {"os", "execvp"},
        {"posix", "posix_spawn"},
        {"os", "remove"},
        {"subprocess", "check_output"},
        {"subprocess", "run"},
        {"commands", "getoutput"},
        {"pty", "spawn"},
        {"asyncio", "run"},
        {"builtins", "exec"},
        {"builtins", "compile"},
        {"builtins", "__import__"},
        {"builtins", "open"},
        {"builtins", "setattr"},
        {"builtins", "breakpoint"},
        {"builtins", "dict"},
        {"__builtin__", "eval"},
        {"importlib", "import_module"},
        {"runpy", "run_path"},
        {"code", "interact"},
        {"codeop", "compile_command"},
        {"timeit", "timeit"},
        {"cProfile", "run"},
        {"pdb", "run"},
        {"bdb", "Bdb"},
        {"types", "CodeType"},
        {"types", "FunctionType"},
        {"marshal", "loads"},
        {"pickle", "loads"},
        {"_pickle", "Unpickler"},
        {"dill", "loads"},
        {"cloudpickle", "loads"},
        {"joblib", "load"},
        {"operator", "attrgetter"},
        {"operator", "methodcaller"},
        {"functools", "reduce"},
        {"itertools", "starmap"},
        {"ctypes", "CDLL"},
        {"socket", "create_connection"},
        {"urllib.request", "urlopen"},
        {"requests", "get"},
        {"webbrowser", "open"},
        {"shutil", "rmtree"},
        {"pathlib", "PosixPath"},
        {"tempfile", "NamedTemporaryFile"},
        {"io", "FileIO"},
        {"sys", "exit"},
        {"signal", "signal"},
        {"threading", "Thread"},
        {"multiprocessing", "Process"},
        {"pip", "main"},
        {"logging.config", "listen"},
        {"site", "main"},
        {"numpy.testing._private.utils", "runstring"},
        {"numpy.core.multiarray", "fromfile"},
        {"torch.serialization", "load"},
        {"torch.storage", "_load_from_bytes"},
        {"torch._dynamo", "optimize"},
        {"torch.utils.cpp_extension", "load_inline"},
        {"torch.jit", "load"},
        {"torch.package", "PackageImporter"},
        {"torch._utils", "_import_dotted_name"},
        {"collections.OrderedDict", "__reduce__"},
        {"torch._utils", "_rebuild_tensor_v"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char expected[128];
        snprintf(expected, sizeof expected, "asks for %s.%s,", names[i][0], names[i][1]);
        script s = begin();
        ADD(&s, "c");
        add(&s, names[i][0], strlen(names[i][0]));
        ADD(&s, "\n");
        add(&s, names[i][1], strlen(names[i][1]));
        ADD(&s, "\n");
        add_text(&s, "echo no");
        ADD(&s, "\x85R");
        refused(&s, RCR_ERR_UNSUPPORTED, expected);
        script t = begin(); /* protocol 4's way to say it */
        add_text(&t, names[i][0]);
        add_text(&t, names[i][1]);
        ADD(&t, "\x93");
        refused(&t, RCR_ERR_UNSUPPORTED, expected);
    }
    static const char *const older[] = {
        "(S'x'\nios\nsystem\n", "(cos\nsystem\nS'x'\no", "\x82\x01", "P1\n", "\x97", "\x92"};
    for (size_t i = 0; i < sizeof older / sizeof *older; i++) { /* INST, OBJ, EXT1, PERSID, NEXT_BUFFER, NEWOBJ_EX */
        script s = begin();
        add(&s, older[i], strlen(older[i]));
        refused(&s, RCR_ERR_UNSUPPORTED, "");
    }
}

static void calls_are_only_those_that_make_values(void **state) {
    (void)state;
    script s = begin();
    ADD(&s, "K\x01)R");
    refused(&s, RCR_ERR_PARSE, "can't be called");
    s = begin();
    ADD(&s, "ctorch\nFloatStorage\n)R");
    refused(&s, RCR_ERR_PARSE, "type of storage");
    s = begin();
    ADD(&s, "ccollections\nOrderedDict\nK\x01R");
    refused(&s, RCR_ERR_PARSE, "no tuple");
    s = begin();
    ADD(&s, "ccollections\nOrderedDict\n)R}b"); /* an attribute-less state is fine */
    rcr_pickle *pickle = parse(&s);
    assert_int_equal(rcr_pickle_root(pickle)->kind, RCR_PY_DICT);
    rcr_pickle_free(pickle);
    s = begin();
    ADD(&s, "]}b");
    refused(&s, RCR_ERR_PARSE, "state");
}

static void what_is_cut_short_is_refused(void **state) {
    (void)state;
    script whole = begin();
    ADD(&whole, "}q\x00(");
    add_text(&whole, "epoch");
    ADD(&whole, "K\x07");
    add_text(&whole, "x");
    ADD(&whole, "G\x3f\xf0\x00\x00\x00\x00\x00\x00");
    add_text(&whole, "long");
    ADD(&whole, "\x8a\x03\x01\x02\x03u.");
    for (size_t n = 0; n < whole.length; n++) {
        char *copy = malloc(n + 1);
        rcr_pickle *pickle = NULL;
        assert_non_null(copy);
        memcpy(copy, whole.bytes, n);
        assert_int_equal(rcr_pickle_parse(&pickle, NULL, copy, n, NULL), RCR_ERR_PARSE);
        free(copy);
    }
    rcr_pickle *pickle = NULL;
    double value;
    assert_int_equal(rcr_pickle_parse(&pickle, NULL, whole.bytes, whole.length, NULL), RCR_OK);
    const rcr_py *root = rcr_pickle_root(pickle);
    assert_true(rcr_py_number(&value, rcr_py_get(root, "epoch")) && value == 7);
    assert_true(rcr_py_number(&value, rcr_py_get(root, "x")) && value == 1.0);
    assert_true(rcr_py_number(&value, rcr_py_get(root, "long")) && value == 197121);
    assert_null(rcr_py_get(root, "epochs"));
    rcr_pickle_free(pickle);
}

static void integers_have_their_values(void **state) {
    (void)state;
    static const struct {
        const char *code;
        size_t length;
        int64_t value;
    } cases[] = {
        {"K\xff", 2, 255},
        {"M\xff\xff", 3, 65535},
        {"J\xff\xff\xff\xff", 5, -1},
        {"J\x00\x00\x00\x80", 5, INT32_MIN},
        {"\x8a\x00", 2, 0},
        {"\x8a\x01\xff", 3, -1},
        {"\x8a\x02\xff\x00", 4, 255},
        {"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", 10, INT64_MAX},
        {"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80", 10, INT64_MIN},
        {"\x8b\x02\x00\x00\x00\x00\x80", 7, -32768},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        script s = begin();
        add(&s, cases[i].code, cases[i].length);
        rcr_pickle *pickle = parse(&s);
        assert_int_equal(rcr_pickle_root(pickle)->kind, RCR_PY_INT);
        assert_true(rcr_pickle_root(pickle)->as.integer == cases[i].value);
        rcr_pickle_free(pickle);
    }
    script s = begin();
    ADD(&s, "\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00");
    rcr_pickle *pickle = parse(&s);
    assert_int_equal(rcr_pickle_root(pickle)->kind, RCR_PY_LONG);
    rcr_pickle_free(pickle);
}

static void counts_and_places_are_bounded(void **state) {
    (void)state;
    static const struct {
        const char *code;
        size_t length;
        const char *part;
    } cases[] = {
        {"X\xff\xff\xff\x7f", 5, "ends within a value"},
        {"\x8d\xff\xff\xff\xff\xff\xff\xff\xff", 9, "ends within a value"},
        {"\x8b\xff\xff\xff\xff", 5, "ends within a value"},
        {"\x95\xff\xff\xff\xff\xff\xff\xff\xff", 9, "frame"},
        {"Nr\xff\xff\xff\xff", 6, "memo"},
        {"h\x00", 2, "not kept"},
        {"j\xff\xff\xff\xff", 5, "not kept"},
        {"a", 1, "too few values"},
        {"(e", 2, "without a container"},
        {"](K\x01s", 5, "too few values"},
        {"}(Nu", 4, "key without a value"},
        {"N(NNe", 5, "holds none"},
        {"t", 1, "no mark"},
        {"(N", 2, "one value"},
        {"", 0, "one value"},
        {"NN", 2, "one value"},
        {"0", 1, "too few values"},
        {"N(s", 3, "too few values"}, /* what lies below a mark is out of reach */
        {"]((Ne", 5, "without a container"},
        {"cx", 2, "name without an end"},
        {"NQ", 2, "storage"},
        {")Q", 2, "storage"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        script s = begin();
        add(&s, cases[i].code, cases[i].length);
        refused(&s, RCR_ERR_PARSE, cases[i].part);
    }
    size_t n = (size_t)5 << 20;
    char *many = malloc(n);
    rcr_pickle *pickle = NULL;
    assert_non_null(many);
    memcpy(many, "\x80\x02", 2);
    memset(many + 2, 'N', n - 2); /* values without end */
    assert_int_equal(rcr_pickle_parse(&pickle, NULL, many, n, NULL), RCR_ERR_LIMIT);
    memset(many + 2, '(', n - 2); /* marks without end */
    assert_int_equal(rcr_pickle_parse(&pickle, NULL, many, n, NULL), RCR_ERR_LIMIT);
    free(many);
}

/* One instruction that copies a container's items, again and again: 100 bytes, and without a limit 10 GB. */
static void containers_do_not_double_without_end(void **state) {
    (void)state;
    script s = begin();
    ADD(&s, "cargparse\nNamespace\n)\x81q\0}q\1K\1K\2sb");
    for (int i = 0; i < 40; i++) ADD(&s, "h\0b");
    refused(&s, RCR_ERR_LIMIT, "more than 4000000 items");
    s = begin();
    ADD(&s, "ccollections\nOrderedDict\nq\0](");
    for (int i = 0; i < 2000; i++) ADD(&s, "K\1K\2\x86");
    ADD(&s, "e\x85q\1");
    for (int i = 0; i < 2000; i++) ADD(&s, "h\0h\1R");
    refused(&s, RCR_ERR_LIMIT, "more than 4000000 items");
}

static void values_that_hold_themselves_are_written_once(void **state) {
    (void)state;
    char *json = NULL;
    script s = begin();
    ADD(&s, "]q\x00h\x00"); /* a list that holds itself */
    ADD(&s, "a");
    rcr_pickle *pickle = parse(&s);
    assert_int_equal(rcr_py_json(&json, rcr_pickle_root(pickle), NULL), RCR_OK);
    assert_string_equal(json, "[[[[[[[[null]]]]]]]]");
    free(json);
    rcr_pickle_free(pickle);
    s = begin(); /* each list holds the one before twice: 2^30 in all */
    ADD(&s, "]q\x00");
    for (int i = 1; i <= 30; i++) {
        char code[] = {']', '(', 'h', (char)(i - 1), 'h', (char)(i - 1), 'e', 'q', (char)i};
        add(&s, code, sizeof code);
    }
    ADD(&s, "\x86"); /* the last two of them */
    for (int i = 0; i < 29; i++) ADD(&s, "\x86");
    pickle = parse(&s);
    assert_int_equal(rcr_py_json(&json, rcr_pickle_root(pickle), NULL), RCR_OK);
    assert_true(strlen(json) < 100000);
    free(json);
    rcr_pickle_free(pickle);
    s = begin(); /* nothing recurses */
    for (int i = 0; i < 30000; i++) ADD(&s, "]");
    for (int i = 1; i < 30000; i++) ADD(&s, "a");
    pickle = parse(&s);
    assert_int_equal(rcr_py_json(&json, rcr_pickle_root(pickle), NULL), RCR_OK);
    free(json);
    rcr_pickle_free(pickle);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_refused_by_name),
        cmocka_unit_test(calls_are_only_those_that_make_values),
        cmocka_unit_test(what_is_cut_short_is_refused),
        cmocka_unit_test(integers_have_their_values),
        cmocka_unit_test(counts_and_places_are_bounded),
        cmocka_unit_test(containers_do_not_double_without_end),
        cmocka_unit_test(values_that_hold_themselves_are_written_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
