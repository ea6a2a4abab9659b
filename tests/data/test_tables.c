/* What a table's first line is taken for, and what is said where a table is not as it should be. */
#include "support/folder.h"

#include <math.h>

#include "base/text.h"
#include "data/dataset.h"
#include "data/split.h"
#include "read_good.h"

static void read_bad(const char *path, const char *target, rcr_status status, const char *file, long line,
                     const char *message) {
    rcr_dataset *d = NULL;
    rcr_error err = {0};
    rcr_dataset_options o = defaults();
    o.target = target;
    if (rcr_dataset_read(&d, path, &o, &err) != status)
        fail_msg("%s: %s, %s", path, rcr_status_name(err.status), err.message);
    assert_string_equal(err.file, file);
    assert_int_equal(err.line, line);
    if (strstr(err.message, message) == NULL) fail_msg("'%s' is not in: %s", message, err.message);
    assert_null(d);
}

static test_folder folder_of_two(void) {
    test_folder f = folder_make();
    folder_write(&f, "cu.cif", cubic_cif("3.6", "Cu1 Cu 0 0 0\n"));
    folder_write(&f, "al.cif", cubic_cif("4.05", "Al1 Al 0 0 0\n"));
    return f;
}

/* The crystal of the first line is missing, so that the line alone says what it is. */
static void a_row_is_no_header(void **state) {
    (void)state;
    static const char *const values[] = {"0.12 eV", "\"0,12\"", "NA",   "N/A",  "n/a", "#N/A",
                                         "<NA>",    "None",     "null", "NULL", "nan", "NaN",
                                         "-",       "-.5 eV",   "+1x",  ".5?",  "2e",  "1.2.3"};
    static const char *const names[] = {"gap", "Na", "-gap", "e", "none of these", "N", ".gap", "T"};
    rcr_dataset_options o = defaults();
    test_folder f = folder_of_two();
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char table[100];
        snprintf(table, sizeof table, "gone,%s\ncu,1\nal,2\n", values[i]);
        folder_write(&f, "id_prop.csv", table);
        rcr_dataset *d = read_good(f.path, &o);
        if (d->n_rows != 3) fail_msg("%s is taken for a column's name", values[i]);
        assert_string_equal(d->target, "target");
        assert_string_equal(d->note, "");
        assert_int_equal(d->n_bad, 1);
        assert_string_equal(d->bad[0].id, "gone");
        assert_int_equal(d->bad[0].error.line, 1);
        rcr_dataset_free(d);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char table[100], note[200];
        snprintf(table, sizeof table, "gone,%s\ncu,1\nal,2\n", names[i]);
        folder_write(&f, "id_prop.csv", table);
        rcr_dataset *d = read_good(f.path, &o);
        if (d->n_rows != 2) fail_msg("%s is not taken for a column's name", names[i]);
        assert_string_equal(d->target, names[i]);
        snprintf(note, sizeof note, "id_prop.csv:1 is taken as the header (its second column is \"%s\")", names[i]);
        assert_int_equal(strncmp(d->note, note, strlen(note)), 0);
        rcr_dataset_free(d);
    }
    folder_write(&f, "id_prop.csv", "id,gap\ncu,1\nal,2\n"); /* nothing is open there */
    rcr_dataset *d = read_good(f.path, &o);
    assert_string_equal(d->note, "");
    rcr_dataset_free(d);
    folder_remove(&f);
}

/* What pandas' to_csv writes beside the columns: the first one, without a name, only counts. */
static void a_counter_is_no_target(void **state) {
    (void)state;
    static const char *const tables[] = {"id_prop.csv", "files.csv"};
    rcr_dataset_options o = defaults();
    test_folder f = folder_of_two();
    folder_write(&f, tables[0], ",id,gap\n0,cu,1.5\n1,al,2\n");
    folder_write(&f, tables[1], ",file,id,gap\n0,cu.cif,cu,1.5\n1,al.cif,al,2\n");
    for (int i = 0; i < 4; i++) {
        o.target = i < 2 ? NULL : "gap";
        rcr_dataset *d = read_good(i % 2 == 0 ? f.path : folder_path(&f, tables[1]), &o);
        assert_int_equal(d->n, 2);
        assert_string_equal(d->target, "gap");
        assert_string_equal(d->sample[0].id, "cu");
        assert_true(d->sample[0].target == 1.5);
        rcr_dataset_free(d);
    }
    /* The values of several columns are kept apart from the counter, too. */
    folder_write(&f, tables[0], ",id,gap,e\n0,cu,1.5,3\n1,al,2,4\n");
    o.target = "gap,e";
    rcr_dataset *d = read_good(f.path, &o);
    assert_int_equal(d->n, 2);
    assert_true(d->targets[0] == 1.5 && d->targets[1] == 3 && d->targets[3] == 4);
    rcr_dataset_free(d);
    o.target = NULL;
    rcr_error err = {0};
    assert_int_equal(rcr_dataset_read(&d, f.path, &o, &err), RCR_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "the columns are: gap, e"));
    folder_remove(&f);
}

#define FRAME(info) "1\nLattice=\"4 0 0 0 4 0 0 0 4\" Properties=species:S:1:pos:R:3 " info "\nCu 0 0 0\n"

/* Values that are texts are shown with their place, and lists that would be empty are left out. */
static void targets_that_are_texts(void **state) {
    (void)state;
    test_folder f = folder_make();
    folder_write(&f, "a.xyz", FRAME("e=1") FRAME("e=2 gap=\"0.1 eV\"") FRAME("gap=\"0.2 eV\""));
    const char *path = folder_path(&f, "a.xyz");
    read_bad(path, "gap", RCR_ERR_ARGUMENT, "a.xyz", 5,
             "no structure has a number for the target \"gap\"; the first value is \"0.1 eV\"");
    read_bad(path, "gapp", RCR_ERR_ARGUMENT, "a.xyz", 0,
             "no structure has a value for the target \"gapp\"; keys with numbers are: e");
    folder_write(&f, "a.xyz", FRAME("") FRAME("gap=\"0.1 eV\""));
    read_bad(path, NULL, RCR_ERR_DATA, "a.xyz", 5, "no value is one; the first is \"gap\" with \"0.1 eV\"");
    read_bad(path, "gapp", RCR_ERR_ARGUMENT, "a.xyz", 0,
             "no structure has a value for the target \"gapp\"; no key has numbers");
    /* More than are looked at for what they have. */
    rcr_text text = {0};
    for (int i = 0; i < 300; i++) rcr_text_puts(&text, i < 280 ? FRAME("gap=x") : FRAME("gap=x e=1"));
    folder_write(&f, "a.xyz", text.data);
    read_bad(path, NULL, RCR_ERR_DATA, "a.xyz", 2, "no value of the first 256 structures is one");
    read_bad(path, "gapp", RCR_ERR_ARGUMENT, "a.xyz", 0, "no key of the first 256 structures has numbers");
    rcr_text_free(&text);
    folder_remove(&f);
}

/* Structures alone: what is missing is the table of their targets. */
static void folders_without_a_table(void **state) {
    (void)state;
    test_folder f = folder_of_two();
    const char *name = strrchr(f.path, '/') + 1;
    read_bad(f.path, NULL, RCR_ERR_DATA, name, 0, "there is no id_prop.csv (id,target) in it");
    read_bad(f.path, "gap", RCR_ERR_ARGUMENT, name, 0, "there is no id_prop.csv (id,target) in it");
    read_bad(f.path, "gap", RCR_ERR_ARGUMENT, name, 0, "no structure has a value for the target \"gap\"");
    folder_remove(&f);
}

/* Spreadsheets save what looks like a table of one column. */
static void tables_without_commas(void **state) {
    (void)state;
    static const char *const texts[] = {"cu;1\nal;2\n", "id\tgap\ncu\t1\n", "id;file;gap\ncu;cu.cif;0,5\n"};
    test_folder f = folder_of_two();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        folder_write(&f, "id_prop.csv", texts[i]);
        read_bad(f.path, NULL, RCR_ERR_UNSUPPORTED, "id_prop.csv", 1, "semicolons or tabs part the columns");
    }
    folder_write(&f, "id_prop.csv", "cu,1\nal,2\n");
    folder_write(&f, "split.csv", "id;part\ncu;train\nal;val\n");
    rcr_dataset_options o = defaults();
    rcr_dataset *d = read_good(f.path, &o);
    rcr_split_options by_file = rcr_split_options_default();
    rcr_split split;
    rcr_error err = {0};
    by_file.kind = RCR_SPLIT_FILE;
    by_file.file = folder_path(&f, "split.csv");
    assert_int_equal(rcr_split_make(&split, d, &by_file, &err), RCR_ERR_UNSUPPORTED);
    assert_string_equal(err.file, by_file.file);
    assert_non_null(strstr(err.message, "semicolons or tabs part the columns"));
    rcr_dataset_free(d);
    folder_remove(&f);
}

static void write_utf16(const test_folder *f, const char *name, const char *text) {
    FILE *file = fopen(folder_path(f, name), "wb");
    assert_non_null(file);
    fputs("\xFF\xFE", file);
    for (; *text != '\0'; text++) {
        fputc(*text, file);
        fputc('\0', file);
    }
    assert_int_equal(fclose(file), 0);
}

/* As Windows saves them: the same as in UTF-8. */
static void tables_in_utf16(void **state) {
    (void)state;
    static const char *const names[] = {"id_prop.csv", "files.csv"};
    test_folder f = folder_of_two();
    rcr_dataset_options o = defaults();
    write_utf16(&f, names[0], "id,gap\r\ncu,1.5\r\nal,2\r\n");
    write_utf16(&f, names[1], "file,gap\r\ncu.cif,1.5\r\nal.cif,2\r\n");
    write_utf16(&f, "split.csv", "id,part\r\ncu,train\r\nal,val\r\n");
    for (int i = 0; i < 2; i++) {
        rcr_dataset *d = read_good(i == 0 ? f.path : folder_path(&f, names[1]), &o);
        assert_int_equal(d->n, 2);
        assert_string_equal(d->target, "gap");
        assert_string_equal(d->sample[0].id, "cu");
        assert_true(d->sample[0].target == 1.5);
        rcr_split_options by_file = rcr_split_options_default();
        rcr_split split;
        rcr_error err = {0};
        by_file.kind = RCR_SPLIT_FILE;
        by_file.file = folder_path(&f, "split.csv");
        assert_int_equal(rcr_split_make(&split, d, &by_file, &err), RCR_ERR_DATA);
        assert_non_null(strstr(err.message, "the test part is empty")); /* the table itself is read */
        rcr_dataset_free(d);
    }
    write_utf16(&f, names[0], "id;gap\r\ncu;1.5\r\n");
    read_bad(f.path, NULL, RCR_ERR_UNSUPPORTED, names[0], 1, "semicolons or tabs part the columns");
    folder_remove(&f);
}

/* A table by itself whose column of files has another name. */
static void tables_that_name_no_file(void **state) {
    (void)state;
    static const char *const texts[] = {"name,structure_file,gap\nx,cu.cif,1\ny,al.cif,2\n",
                                        "id,gap,formula,structure_file\nx,1,Cu,cu.cif\n",
                                        "id,structure_file,gap\nx,elsewhere/cu.cif,1\n"};
    static const char *const targets[] = {NULL, "gap"};
    rcr_dataset_options o = defaults();
    test_folder f = folder_of_two();
    for (size_t i = 0; i < 2 * (sizeof texts / sizeof *texts); i++) {
        folder_write(&f, "t.csv", texts[i / 2]);
        read_bad(
            folder_path(&f, "t.csv"), targets[i % 2], RCR_ERR_DATA, "t.csv", 1,
            "no column is called file, filename, path, cif_file or structure (\"structure_file\" may be the one), and "
            "no id names a file beside the table");
    }
    o.target = "gap";
    folder_write(&f, "t.csv", "id,gap,from\nx,1,a\nal,2,b\n"); /* one that is there says how files are named */
    rcr_dataset *d = read_good(folder_path(&f, "t.csv"), &o);
    assert_true(d->n == 1 && d->n_bad == 1);
    rcr_dataset_free(d);
    folder_write(&f, "t.csv", "id,gap\nx,1\n"); /* no other column: the file is missing */
    read_bad(folder_path(&f, "t.csv"), NULL, RCR_ERR_DATA, folder_path(&f, "t.csv"), 0, "x.cif: can't open");
    folder_remove(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_no_header),       cmocka_unit_test(a_counter_is_no_target),
        cmocka_unit_test(targets_that_are_texts),   cmocka_unit_test(folders_without_a_table),
        cmocka_unit_test(tables_without_commas),    cmocka_unit_test(tables_in_utf16),
        cmocka_unit_test(tables_that_name_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
