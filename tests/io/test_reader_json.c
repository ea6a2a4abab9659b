/* JSON of many structures: what is bad in it costs its row, and which keys are ids. */
#include "base/text.h"
#include "telling.h"

static void what_is_bad_costs_its_row(void **state) {
    (void)state;
    static const telling all[] = {
        /* JSON lines: a bad line, a line that is no JSON, a good one. */
        {"d/a.jsonl",
         "{\"id\": \"u\", \"structure\": " IRON "}\n{\"id\": \"v\", \"structure\": {" CUBE
         "}}\n{\"id\": [\n\n{\"id\": \"w\", "
         "\"structure\": " IRON "}",
         {"u:1", "v:2!...no \"lattice\" with \"sites\"", "a-3:3!...not a JSON object", "w:5"}},
        /* A list: bad elements of all kinds. */
        {"d/b.json",
         "[" IRON ",\n7, null,\n{\"a\": 1},\n[" IRON "], \"text\",\n" IRON "]",
         {"b-1:1", "b-2:2!...not a JSON object", "b-3:2!...not a JSON object", "b-4:3!...holds no structure", "b-5:4",
          "b-6:4!...not a JSON object", "b-7:5"}},
        /* Cut off in its second element, which is also all that is lost. */
        {"c.json", "[" IRON ",\n{\"lattice\": [[", {"c-1:1", "c-2:2!...cut off: the file ends within it"}},
        {"d.json", "[" IRON, {"d-1:1", "d-2:1!...cut off"}},
        {"e.json", "[" IRON "}, " IRON "]", {"e-1:1", "e-2:1!...makes no sense here: '}'"}},
        {"f.json", IRON "\n;", {"f-1:1", "f-2:2!...no JSON object follows here: ';'"}},
        /* A table whose rows have too few values; a row without a structure; NaN as Python writes it. */
        {"g.json",
         "{\"columns\": [\"structure\", \"y\"], \"index\": [\"p\", \"q\", \"r\"], \"data\": [[" IRON ", NaN], [" IRON
         "],\n[null, -Infinity]]}",
         {"p:1", "q:1!...the row has 1 values; the table has 2 columns", "r:2!...holds no structure"}},
        {"h.json", "{\"columns\": [\"structure\"], \"data\": [[" IRON "]", {"h-1:1", "h-2:1!...cut off"}},
        {"i.json",
         "{\"data\": [[" IRON "]], \"columns\": [\"structure\"]",
         {"parse error:...no JSON, or it is cut off"}},
        {"j.json", "{\"a\": {\"x\": 1}, \"b\": 2}", {"not supported...no structures are seen"}},
        {"k.json", "[]", {"not supported...no structures are seen"}},
        {"l.json", "{\"a\": [1, 2", {"parse error:...cut off here"}},
        {"m.json",
         "{\"x\": " IRON ", \"y\": {" CUBE ", \"species\": [], \"frac\": []}, \"1\": " IRON ", \"z\": 4}",
         {"x:1", "y:1!...no sites", "1:1", "z:1!...not a JSON object"}},
        {"n.json", "\xEF\xBB\xBF \n" IRON, {"n:2"}},
        {"o.json", "{\"structure\": " IRON ", \"other_structure\": " IRON "}", {"o:1"}},
        {"p.json", "{\"first\": " IRON "}", {"first:1"}},
        {"q.json",
         "{\"data\": {\"id\": \"o\", \"attributes\": {\"lattice_vectors\": [[4,0,0],[0,4,0],[0,0,4]]}}}",
         {"o:1!...an entry for each site"}},
        {"s.json", "[{\"structure\": null, \"id\": \"e\"},\n" IRON "]", {"e:1!...holds no structure", "s-2:2"}},
        /* Structures as text. */
        {"r.json",
         "[{\"cif\": \"data_x\\n_cell_length_a 4\"}, {\"poscar\": \"a\\n1\\n4 0 0\"}]",
         {"r-1:1!...cell", "r-2:1!"
                           "..."}},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) expect_telling(&all[i]);
}

/* As `cat` makes it of several files, and as a writer that was started twice does. */
static void what_follows_the_end_is_not_lost(void **state) {
    (void)state;
    static const telling all[] = {
        {"a.json", "[" IRON ", " IRON "]\n[" IRON ",\n" IRON "]\n", {"a-1:1", "a-2:1", "a-3:2", "a-4:3"}},
        {"b.json", "[" IRON "] [] []\n", {"b:1"}},
        {"c.json", "[" IRON "]\n{\"a\": 1}", {"c-1:1", "c-2:2!...behind the end of the JSON: '{'"}},
        {"d.json", "[" IRON "]]", {"d-1:1", "d-2:1!...behind the end of the JSON: ']'"}},
        {"e.json", "[" IRON "][{\"lattice\": ", {"e-1:1", "e-2:1!...cut off"}},
        {"f.json", "{\"u\": " IRON ",\n\"v\": " IRON "}\n{\"w\": " IRON "}", {"u:1", "v:2", "w:3"}},
        {"g.json", "{\"u\": " IRON ", \"v\": " IRON "}\n[" IRON "]", {"u:1", "v:1", "g-3:2!...behind the end"}},
        /* A list within an object, the rest of which is no concern; a table by columns. */
        {"h.json",
         "{\"data\": [" IRON "], \"meta\": {\"a\": [1]}} {\"data\": [" IRON "]}",
         {"h-1:1", "h-2:1!...behind the end of the JSON: '{'"}},
        {"i.json", "{\"data\": [" IRON "], \"meta\": {\"a\": [1]}}\n", {"i:1"}},
        {"j.json",
         "{\"crystal\": {\"u\": " IRON "}, \"gap\": {\"u\": 1}} {\"crystal\"",
         {"u:1", "j-2:1!...behind the end of the JSON: '{'"}},
        {"k.json",
         "{\"columns\": [\"structure\"],\n\"data\": [[" IRON "]], \"index\": [\"p\"]} \n{\"columns\": 1}",
         {"p:2", "k-2:3!...behind the end of the JSON: '{'"}},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) expect_telling(&all[i]);
}

#define ENTRY(more) "{\"crystal\": " IRON more "}"

/* A structure may lie under any key of an entry; what is a column of structures in a table must not swallow that. */
static void entries_under_their_ids(void **state) {
    (void)state;
    static const telling all[] = {
        {"a.json",
         "{\"mp-1\": " ENTRY() ",\n\"mp-2\": " ENTRY() ",\n\"mp-3\": " ENTRY() "}",
         {"mp-1:1", "mp-2:2", "mp-3:3"}},
        {"b.json",
         "{\"mp-1\": " ENTRY(", \"gap\": 1") ", \"mp-2\": {\"crystal\": null}, \"mp-3\": " ENTRY(", \"gap\": 3") "}",
         {"mp-1:1", "mp-2:1!...holds no structure", "mp-3:1"}},
        {"c.json",
         "{\"mp-1\": {\"gap\": 1}, \"mp-2\": " ENTRY() ", \"mp-3\": {\"structure\": " IRON "}}",
         {"mp-1:1!...holds no structure", "mp-2:1", "mp-3:1"}},
        {"d.json", "{\"mp-1\": " ENTRY(", \"gap\": 1") "}", {"mp-1:1"}},
        {"e.json", "{\"mp-1\": " ENTRY() ",\n\"mp-2\": {\"crystal\": [", {"mp-1:1", "mp-2:2!...cut off"}},
        /* Two structures in an entry can't be used; the rows after it can. */
        {"f.json",
         "{\"mp-1\": {\"a\": " IRON ", \"b\": " IRON "}, \"mp-2\": " ENTRY() "}",
         {"mp-1:1!...holds no structure", "mp-2:1"}},
        /* pandas, orient="index". */
        {"g.json", "{\"0\": " ENTRY(", \"gap\": 1") ", \"1\": " ENTRY(", \"gap\": 2") "}", {"g-1:1", "g-2:1"}},
        /* Tables by columns, with the column of structures under any name, before the others or behind them. */
        {"h.json",
         "{\"structure\": {\"0\": " IRON ", \"1\": " IRON "}, \"gap\": {\"0\": 1, \"1\": 2}}",
         {"h-1:1", "h-2:1"}},
        {"i.json", "{\"crystal\": {\"u\": " IRON ", \"v\": " IRON "}, \"gap\": {\"u\": 1, \"v\": 2}}", {"u:1", "v:1"}},
        {"j.json", "{\"gap\": {\"u\": 1}, \"crystal\": {\"u\": " IRON "}}", {"u:1"}},
        {"k.json", "{\"crystal\": {\"0\": " IRON "}, \"gap\": {\"0\": null}}", {"k:1"}},
        {"l.json", "{\"first\": {\"u\": " IRON "}, \"structure\": {\"u\": " IRON ", \"v\": " IRON "}}", {"u:1", "v:1"}},
        /* One entry alone, and one under its id. */
        {"m.json", "{\"gap\": 1.2, \"crystal\": " IRON "}", {"m:1"}},
        {"n.json", "{\"id\": \"o\", \"crystal\": " IRON ", \"data\": {\"gap\": 1.2}}", {"o:1"}},
        /* One entry under its id beside a value that is none. */
        {"q.json",
         "{\"mp-1\": {\"structure\": " IRON ", \"gap\": 1.0},\n\"version\": \"1\"}",
         {"mp-1:1", "version:2!...not a JSON object"}},
        {"r.json",
         "{\"version\": 1, \"mp-1\": {\"lattice\": \"cubic\", \"structure\": " IRON "}}",
         {"version:1!...not a JSON object", "mp-1:1"}},
        /* An id of more than 64 bits keeps its digits, one of 64 too; a value beyond a double's is none. */
        {"s.jsonl",
         "{\"id\": 12345678901234567890123, \"a\": 1e999, \"structure\": " IRON "}\n{\"id\": 9223372036854775807, "
         "\"a\": 99999999999999999999, \"b\": \"99999999999999999999 \\\" NaN\", \"structure\": " IRON "}\n",
         {"12345678901234567890123:1", "9223372036854775807:2"}},
        {"p.json", "{\"mp-1\": " IRON ", \"mp-2\": null}", {"mp-1:1", "mp-2:1!...not a JSON object"}},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) expect_telling(&all[i]);
}

static void values_beside_a_structure_belong_to_it(void **state) {
    (void)state;
    static const char *const texts[] = {"{\"gap\": 1.2, \"crystal\": " IRON "}",
                                        "{\"mp-1\": " ENTRY(", \"gap\": 1.2") "}",
                                        "{\"crystal\": {\"u\": " IRON "}, \"gap\": {\"u\": 1.2}}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        rcr_reader *reader;
        rcr_record record;
        assert_int_equal(rcr_reader_open_memory(&reader, "e.json", texts[i], strlen(texts[i]), NULL), RCR_OK);
        assert_true(rcr_reader_read(reader, &record));
        assert_string_equal(rcr_record_property(&record, "gap"), "1.2");
        rcr_record_release(&record);
        assert_int_equal(rcr_reader_next(reader, &record), 0);
        rcr_reader_close(reader);
    }
}

static void expect_properties(const char *text, const char *id, const char *want) {
    rcr_reader *reader;
    rcr_record record;
    char got[512] = "";
    assert_int_equal(rcr_reader_open_memory(&reader, "e.json", text, strlen(text), NULL), RCR_OK);
    assert_true(rcr_reader_read(reader, &record));
    for (size_t k = 0; k < record.n_properties; k++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s=%s ", record.property[k].key,
                 record.property[k].value);
    assert_string_equal(record.id, id);
    assert_string_equal(got, want);
    rcr_record_release(&record);
    rcr_reader_close(reader);
}

/* Of the keys that may be an id one is; what else is called so is a value, as when it is written. */
static void values_that_are_called_as_ids(void **state) {
    (void)state;
    static const char values[] = "\"properties\": {\"name\": \"n\", \"uid\": 7, \"id\": 3, \"gap\": 1}";
    char text[512];
    snprintf(text, sizeof text, "{\"id\": \"x\", \"jid\": \"j\", %s, %s", values, &IRON[1]);
    expect_properties(text, "x", "jid=j name=n uid=7 id=3 gap=1 ");
    snprintf(text, sizeof text, "{\"entry_id\": \"x\", \"name\": 2, \"structure\": {\"id\": \"y\", %s, %s}", values,
             &IRON[1]);
    expect_properties(text, "x", "name=2 structure.name=n uid=7 id=3 gap=1 ");
    snprintf(text, sizeof text,
             "{\"mp-1\": {\"id\": 5, \"name\": \"n\", \"structure\": " IRON "}, \"mp-2\": " IRON "}");
    expect_properties(text, "mp-1", "name=n ");
}

/* Names that are taken are not looked for one after the other: that would take minutes here. */
static void many_values_in_time(void **state) {
    (void)state;
    enum { N = 200000 };
    rcr_text text = {0};
    rcr_text_puts(&text, "{\"v1\": 0, \"structure\": " IRON ", \"data\": {");
    for (int i = 0; i < N; i++) rcr_text_printf(&text, "%s\"v%d\": %d", i > 0 ? ", " : "", i, i);
    rcr_text_puts(&text, "}, \"info\": {\"v2\": 0, \"data.v1\": 0}}");
    rcr_reader *reader;
    rcr_record record;
    assert_int_equal(rcr_reader_open_memory(&reader, "e.json", text.data, text.length, NULL), RCR_OK);
    assert_true(rcr_reader_read(reader, &record));
    assert_int_equal(record.n_properties, N + 3);
    assert_string_equal(rcr_record_property(&record, "data.v1"), "1");
    assert_string_equal(rcr_record_property(&record, "info.v2"), "0");
    assert_string_equal(rcr_record_property(&record, "info.data.v1"), "0");
    rcr_record_release(&record);
    rcr_reader_close(reader);
    rcr_text_free(&text);
}

#define SPLIT(index)                                                                                                   \
    "{\"columns\": [\"crystal\", \"y\"], \"index\": [" index "], \"data\": [[" IRON ", 1], [" IRON ", 2], [" IRON      \
    ", 3]]}"
#define WITH_IDS(index)                                                                                                \
    "{\"columns\": [\"crystal\", \"material_id\"], \"index\": [" index "], \"data\": [[" IRON ", \"mp-10\"], [" IRON   \
    ", \"mp-13\"], [" IRON ", null]]}"
#define BY_KEY(a, b)                                                                                                   \
    "{\"" a "\": " ENTRY(", \"material_id\": \"mp-10\"") ", \"" b "\": " ENTRY(", \"material_id\": \"mp-13\"") "}"

/* Whether an index counts is told for the table, not for each row. */
static void an_index_counts_or_names_all_rows(void **state) {
    (void)state;
    static const telling all[] = {
        {"a.json", SPLIT("0, 1, 2"), {"a-1:1", "a-2:1", "a-3:1"}},
        {"b.json", SPLIT("0, 1, 3"), {"b-1:1", "b-2:1", "b-3:1"}},
        {"c.json", SPLIT("3, 1, 2"), {"3:1", "1:1", "2:1"}},
        {"d.json", SPLIT("3, 1, 3"), {"d-1:1", "d-2:1", "d-3:1"}},
        {"e.json", SPLIT("\"x\", \"1\", \"2\""), {"x:1", "1:1", "2:1"}},
        {"f.json", WITH_IDS("0, 1, 3"), {"mp-10:1", "mp-13:1", "f-3:1"}},
        {"g.json", WITH_IDS("4, 1, 2"), {"mp-10:1", "mp-13:1", "g-3:1"}},
        {"h.json", WITH_IDS("\"u\", \"v\", \"w\""), {"u:1", "v:1", "w:1"}},
        {"i.json", BY_KEY("0", "3"), {"mp-10:1", "mp-13:1"}},
        {"j.json", BY_KEY("4", "1"), {"mp-10:1", "mp-13:1"}},
        {"k.json", BY_KEY("u", "1"), {"u:1", "1:1"}},
        {"l.json", "{\"9000046\": " IRON ", \"1\": " IRON "}", {"9000046:1", "1:1"}},
        {"m.json",
         "{\"structure\": {\"4\": " IRON ", \"1\": " IRON "}, \"id\": {\"4\": \"u\", \"1\": \"v\"}}",
         {"u:1", "v:1"}},
        {"matbench_x.json", SPLIT("0, 1, 3"), {"mb-x-1:1", "mb-x-2:1", "mb-x-4:1"}},
        {"matbench_x.json", WITH_IDS("0, 1, 2"), {"mp-10:1", "mp-13:1", "matbench_x-3:1"}},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) expect_telling(&all[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_bad_costs_its_row),         cmocka_unit_test(what_follows_the_end_is_not_lost),
        cmocka_unit_test(entries_under_their_ids),           cmocka_unit_test(values_beside_a_structure_belong_to_it),
        cmocka_unit_test(values_that_are_called_as_ids),     cmocka_unit_test(many_values_in_time),
        cmocka_unit_test(an_index_counts_or_names_all_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
