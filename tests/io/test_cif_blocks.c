/* CIFs with several data blocks: which of them are structures, what they are called, where their errors are. */
#include <string.h>
#include <unistd.h>

#include "support/check.h"

#include "io/reader.h"

#define CELL(a) "_cell_length_a " a "\n_cell_length_b " a "\n_cell_length_c " a "\n"
#define SITES(rows) "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n" rows

/* The structures of a text: "ID FORMULA-LIKE..." as number of sites, or the line of the error, one word each. */
static const char *read_bytes(const char *name, const char *text, size_t length) {
    static char told[512];
    rcr_reader *reader;
    rcr_record record;
    size_t n = 0;
    told[0] = '\0';
    assert_int_equal(rcr_reader_open_memory(&reader, name, text, length, NULL), RCR_OK);
    while (rcr_reader_read(reader, &record)) {
        if (record.crystal != NULL)
            n += (size_t)snprintf(told + n, sizeof told - n, "%s:%d:%.0f ", record.id, (int)record.crystal->n_sites,
                                  record.crystal->lattice[0][0]);
        else
            n += (size_t)snprintf(told + n, sizeof told - n, "%s:line %ld ", record.id, record.error.line);
        rcr_record_release(&record);
    }
    rcr_reader_close(reader);
    return told;
}

static const char *read_all(const char *name, const char *text) { return read_bytes(name, text, strlen(text)); }

static void every_structure_is_a_record(void **state) {
    (void)state;
    assert_string_equal(read_all("d/x.cif", "data_a\n" CELL("3") SITES("Fe1 0 0 0\n") "data_b\n" CELL("4")
                                                SITES("Na1 0 0 0\nCl1 .5 .5 .5\n")),
                        "x-1:1:3 x-2:2:4 ");
    /* One of them written without a loop, and DATA_ in the middle of a line. */
    assert_string_equal(read_all("x.cif", CELL("3") SITES("Fe1 0 0 0 DATA_b\n") CELL(
                                              "5") "_atom_site_label Po1 _atom_site_fract_x 0 _atom_site_fract_y 0\n"
                                                   "_atom_site_fract_z 0"),
                        "x-1:1:3 x-2:1:5 ");
}

static void other_blocks_are_passed_over(void **state) {
    (void)state;
    /* A title, a form that was never filled in, a cell alone, sites alone, all values unknown. */
    static const char others[] = "data_global\n_journal_name x\ndata_form\n" CELL("?")
        SITES("? ? ? ?\n") "data_cell\n" CELL("7") "data_sites\n" SITES("Fe1 0 0 0\n") "data_none\n" CELL("7")
            SITES(". . . .\n");
    char text[2048];
    snprintf(text, sizeof text, "%sdata_it\n%s", others, CELL("3") SITES("Fe1 0 0 0\n"));
    assert_string_equal(read_all("x.cif", text), "x:1:3 ");
    size_t n = strlen(text);
    snprintf(text + n, sizeof text - n, "%sdata_last\n%s", others, CELL("4") SITES("Fe1 0 0 0\n"));
    assert_string_equal(read_all("x.cif", text), "x-1:1:3 x-2:1:4 ");
    assert_string_equal(read_all("x.cif", others), "x:line 0 ");
}

static void a_block_within_a_value_is_none(void **state) {
    (void)state;
    assert_string_equal(read_all("x.cif", "data_a\n_x\n;\ndata_b\n" CELL("9") SITES("Fe1 0 0 0\n") ";\n" CELL("3")
                                              SITES("Fe1 0 0 0\n")),
                        "x:1:3 ");
    assert_string_equal(read_all("x.cif", "data_a\n_x 'data_b' # data_c\n" CELL("3") SITES("Fe1 0 0 0\n")), "x:1:3 ");
    /* CIF 2.0 has lists, in which a quote may hide a bracket: also in the blocks after the first. */
    assert_string_equal(read_all("x.cif", "#\\#CIF_2.0\ndata_a\n" CELL("3")
                                              SITES("Fe1 0 0 0\n") "data_b\n_x [ data_q "
                                                                   "']' ]\n" CELL("4") SITES("Fe1 0 0 0\n")),
                        "x-1:1:3 x-2:1:4 ");
}

static void errors_name_the_line_of_the_file(void **state) {
    (void)state;
    static const char bad[] = "data_a\n" CELL("3") SITES("Fe1 0 0 0\n") "\ndata_b\n" CELL("4")
        SITES("Fe1 0 0 zero\n") "data_c\n" CELL("5") SITES("Fe1 0 0 0\n");
    assert_string_equal(read_all("x.cif", bad), "x-1:1:3 x-2:line 21 x-3:1:5 ");
    char carriage[sizeof bad]; /* lines that end with CR */
    memcpy(carriage, bad, sizeof bad);
    for (size_t i = 0; i < sizeof bad; i++)
        if (carriage[i] == '\n') carriage[i] = '\r';
    assert_string_equal(read_all("x.cif", carriage), "x-1:1:3 x-2:line 21 x-3:1:5 ");
}

/* Of either order of bytes; the first block's degree sign is one character of two bytes. */
static void blocks_in_utf_16(void **state) {
    (void)state;
    static const char text[] = "data_a\n_x '\xB0'\n" CELL("3") SITES("Fe1 0 0 0\n") "data_b\n" CELL("4")
        SITES("Fe1 0 0 zero\n") "data_c\n" CELL("5") SITES("Na1 0 0 0\nCl1 .5 .5 .5\n");
    char wide[2 * sizeof text];
    for (int high_first = 0; high_first < 2; high_first++) {
        memset(wide, 0, sizeof wide);
        memcpy(wide, high_first ? "\xFE\xFF" : "\xFF\xFE", 2);
        for (size_t i = 0; i + 1 < sizeof text; i++) wide[2 + 2 * i + (size_t)high_first] = text[i];
        assert_string_equal(read_bytes("x.cif", wide, sizeof wide), "x-1:1:3 x-2:line 21 x-3:2:5 ");
    }
}

/* Work that grows with the square of the blocks would take a quarter of an hour here, and seconds where it does not. */
static void many_blocks_are_read_in_time(void **state) {
    (void)state;
    enum { N = 100000, LINES = 12 };
    static const char block[] = "data_a\n" CELL("3") SITES("Fe1 0 0 0\nO1 .5 .5 .5\n") "# end\n";
    static const char broken[] = "data_a\n" CELL("3") SITES("Fe1 0 0 0\nO1 .5 .5 zz\n") "# end\n";
    size_t each = strlen(block);
    char *text = malloc(N * each + 1);
    assert_non_null(text);
    assert_int_equal(strlen(broken), each);
    for (size_t i = 0; i < N; i++) memcpy(text + i * each, i == N - 1 ? broken : block, each);
    rcr_reader *reader;
    rcr_record record;
    size_t n = 0;
    alarm(300);
    assert_int_equal(rcr_reader_open_memory(&reader, "x.cif", text, N * each, NULL), RCR_OK);
    while (rcr_reader_read(reader, &record)) {
        n++;
        if (n < N) assert_non_null(record.crystal);
        if (n == N) assert_int_equal(record.error.line, (N - 1) * LINES + 11);
        rcr_record_release(&record);
    }
    alarm(0);
    assert_int_equal(n, N);
    rcr_reader_close(reader);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_structure_is_a_record),    cmocka_unit_test(other_blocks_are_passed_over),
        cmocka_unit_test(a_block_within_a_value_is_none), cmocka_unit_test(errors_name_the_line_of_the_file),
        cmocka_unit_test(many_blocks_are_read_in_time),   cmocka_unit_test(blocks_in_utf_16),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
