/* ASE databases: files that are none or are made to do harm, where their data lie, and external tables. */
#include "support/folder.h"

#include <sqlite3.h>

#include "base/mem.h"
#include "base/text.h"
#include "io/reader.h"
#include "io/unpack.h"
#include "telling.h"

static void run_sql(const test_folder *f, const char *name, const char *sql) {
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open(folder_path(f, name), &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) fail_msg("%s: %s", sql, message);
    sqlite3_close(db);
}

static void expect_database(const test_folder *f, const char *name, const char *begins, const char *holds) {
    size_t length;
    char *bytes = read_all(folder_path(f, name), &length);
    const char *in_memory = tell(name, bytes, length);
    if (strncmp(in_memory, begins, strlen(begins)) != 0 || strstr(in_memory, holds) == NULL) fail_msg("%s", in_memory);
    rcr_free(bytes);
    /* The same from the file. */
    rcr_reader *reader;
    rcr_record record;
    rcr_error err = {.status = RCR_OK};
    if (rcr_reader_open(&reader, folder_path(f, name), &err) == RCR_OK) {
        while (rcr_reader_read(reader, &record)) {
            if (record.error.status != RCR_OK) err = record.error;
            rcr_record_release(&record);
        }
        rcr_reader_close(reader);
    }
    if (err.status != RCR_OK && strstr(in_memory, err.message) == NULL) fail_msg("%s: %s", in_memory, err.message);
}

/* One cubic cell of 4 angstrom with an iron atom. */
#define FE "x'1a000000'"
#define ORIGIN "x'000000000000000000000000000000000000000000000000'"
#define CELL4                                                                                                          \
    "x'"                                                                                                               \
    "0000000000001040000000000000000000000000000000000000000000000000000000000000104000000000000000000000000000000000" \
    "00000000000000000000000000001040'"
#define TABLE                                                                                                          \
    "CREATE TABLE systems (id INTEGER PRIMARY KEY, unique_id TEXT, numbers BLOB, positions BLOB, cell BLOB, pbc "      \
    "INTEGER"

static void databases_are_not_trusted(void **state) {
    (void)state;
    test_folder f = folder_make();
    run_sql(&f, "bad_rows.db",
            TABLE ", key_value_pairs TEXT, data BLOB, energy REAL);"
                  "INSERT INTO systems VALUES (1, 'u1', " FE ", " ORIGIN ", " CELL4
                  ", 7, '{\"e\": 1, \"id\": \"fe\"}', NULL, -3);"
                  "INSERT INTO systems VALUES (2, 'u2', " FE ", " ORIGIN ", " CELL4 ", 3, '{}', 'null', -3);"
                  "INSERT INTO systems VALUES (3, 'u3', x'1a0000', " ORIGIN ", " CELL4 ", 7, '{}', '{}', -3);"
                  "INSERT INTO systems VALUES (4, 'u4', x'77000000', " ORIGIN ", " CELL4
                  ", 7, 'rubbish', x'ffffffffffffffff', 0);"
                  "INSERT INTO systems VALUES (5, 'u5', x'', x'', " CELL4 ", 7, NULL, NULL, NULL);"
                  "INSERT INTO systems VALUES (6, 'u6', " FE ", " ORIGIN ", zeroblob(72), 7, NULL, NULL, NULL);"
                  "INSERT INTO systems VALUES (7, NULL, " FE ", " ORIGIN ", " CELL4
                  ", 7, '{\"a\": [1], \"b\": 2}', x'0800', 5);");
    expect_database(&f, "bad_rows.db", "fe:0\nu2:0!row 2: pbc", "\nu3:0!row 3: numbers, positions and cell");
    expect_database(&f, "bad_rows.db", "fe:0\n",
                    "\nu4:0!row 4: atom 1: there is no element 119\nu5:0!row 5: the row has no atoms\nu6:0!row 6: the "
                    "cell has no volume\nbad_rows-7:0");
    run_sql(&f, "other.db", "CREATE TABLE t (a)");
    expect_database(&f, "other.db", "not supported", "no ASE database");
    run_sql(&f, "view.db",
            "CREATE TABLE t (a); CREATE VIEW systems AS SELECT a AS id, a AS unique_id, a AS numbers, a AS "
            "positions, a AS cell, a AS pbc FROM t");
    expect_database(&f, "view.db", "not supported", "no ASE database");
    /* A column that is computed counts as absent. */
    run_sql(&f, "computed.db",
            "CREATE TABLE systems (id INTEGER PRIMARY KEY, unique_id TEXT, numbers BLOB AS (zeroblob(1000000000)), "
            "positions "
            "BLOB, cell BLOB, pbc INTEGER); INSERT INTO systems (id) VALUES (1)");
    expect_database(&f, "computed.db", "not supported", "no ASE database");
    run_sql(&f, "tables.db",
            TABLE
            "); INSERT INTO systems VALUES (1, 'u1', " FE ", " ORIGIN ", " CELL4 ", 7);"
            "CREATE TABLE information (name TEXT, value TEXT); CREATE TABLE \"pro\"\"ps\" (key TEXT, value REAL, id "
            "INTEGER);"
            "INSERT INTO \"pro\"\"ps\" VALUES ('gap', 1.5, 1), ('gap', 9, 2);"
            "INSERT INTO information VALUES ('external_table_name', 'pro\"ps'), ('external_table_name', 'no such');");
    rcr_reader *reader;
    rcr_record record;
    assert_int_equal(rcr_reader_open(&reader, folder_path(&f, "tables.db"), NULL), RCR_OK);
    assert_string_equal(rcr_reader_format_name(reader), "ASE database");
    assert_true(rcr_reader_read(reader, &record));
    assert_string_equal(rcr_record_property(&record, "gap"), "1.5");
    assert_int_equal(record.n_properties, 1);
    rcr_record_release(&record);
    rcr_reader_close(reader);
    /* A page of rubbish in the middle. */
    size_t length;
    char *bytes = read_all(folder_path(&f, "bad_rows.db"), &length);
    memset(bytes + 4096, 0x5a, 4096);
    assert_non_null(strstr(tell("x.db", bytes, length), "ASE database"));
    memcpy(bytes, "SQLite format 3", 16);
    assert_non_null(strstr(tell("x.db", bytes, 100), "ASE database"));
    rcr_free(bytes);
    folder_remove(&f);
}

/* Since version 9 `data` begins with the place of its JSON, which may look like the beginning of JSON: 123 is '{'. */
static void data_behind_any_number_of_bytes(void **state) {
    (void)state;
    test_folder f = folder_make();
    rcr_text sql = {0};
    rcr_text_puts(&sql, "CREATE TABLE systems (id INTEGER PRIMARY KEY, unique_id TEXT, numbers BLOB, positions BLOB, "
                        "cell BLOB, pbc INTEGER, data BLOB);");
    static const int places[] = {8, 122, 123, 379}; /* 0: JSON alone */
    for (int i = 0; i < 5; i++) {
        int place = i < 4 ? places[i] : 0;
        rcr_text_printf(&sql, "INSERT INTO systems VALUES (%d, 'u%d', " FE ", " ORIGIN ", " CELL4 ", 7, x'", i + 1, i);
        if (place > 0) rcr_text_printf(&sql, "%02x%02x000000000000", place % 256, place / 256);
        for (int k = 8; k < place; k++) rcr_text_puts(&sql, "00");
        for (const char *c = "{\"gap\": 1.25}"; *c != '\0'; c++) rcr_text_printf(&sql, "%02x", *c);
        rcr_text_puts(&sql, "');");
    }
    run_sql(&f, "d.db", sql.data);
    rcr_text_free(&sql);
    rcr_reader *reader;
    rcr_record record;
    int n = 0;
    assert_int_equal(rcr_reader_open(&reader, folder_path(&f, "d.db"), NULL), RCR_OK);
    for (; rcr_reader_read(reader, &record); n++) {
        const char *gap = rcr_record_property(&record, "gap");
        if (gap == NULL || strcmp(gap, "1.25") != 0) fail_msg("%s has no gap", record.id);
        rcr_record_release(&record);
    }
    assert_int_equal(n, 5);
    rcr_reader_close(reader);
    folder_remove(&f);
}

/* A row that is called by its `name`, which others may have, too, keeps what it is called without. */
static void rows_with_names(void **state) {
    (void)state;
    static const char *const spare[] = {"u1", "n-2", NULL};
    test_folder f = folder_make();
    rcr_reader *reader;
    rcr_record record;
    size_t n = 0;
    run_sql(&f, "n.db",
            TABLE ", key_value_pairs TEXT); INSERT INTO systems VALUES (1, 'u1', " FE ", " ORIGIN ", " CELL4
                  ", 7, '{\"name\": \"fe\"}'), (2, NULL, " FE ", " ORIGIN ", " CELL4
                  ", 7, '{\"name\": \"fe\"}'), (3, 'u3', " FE ", " ORIGIN ", " CELL4
                  ", 7, '{\"name\": \"x\", \"id\": \"fe\"}');");
    assert_int_equal(rcr_reader_open(&reader, folder_path(&f, "n.db"), NULL), RCR_OK);
    for (; rcr_reader_read(reader, &record); n++) {
        assert_string_equal(record.id, "fe");
        assert_int_equal(record.by_name, n < 2);
        if (spare[n] != NULL)
            assert_string_equal(record.spare_id, spare[n]);
        else
            assert_null(record.spare_id);
        rcr_record_release(&record);
    }
    rcr_reader_close(reader);
    assert_int_equal(n, 3);
    folder_remove(&f);
}

/* A database in use: changes that lie in a log beside it count. */
static void a_log_beside_a_database(void **state) {
    (void)state;
    test_folder f = folder_make();
    sqlite3 *db;
    rcr_reader *reader;
    rcr_record record;
    size_t n = 0;
    assert_int_equal(sqlite3_open(folder_path(&f, "w#1 ?.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "PRAGMA journal_mode = WAL; " TABLE "); INSERT INTO systems VALUES (1, 'u1', " FE
                                  ", " ORIGIN ", " CELL4 ", 7);",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(rcr_reader_open(&reader, folder_path(&f, "w#1 ?.db"), NULL), RCR_OK);
    for (; rcr_reader_read(reader, &record); n++) rcr_record_release(&record);
    rcr_reader_close(reader);
    assert_int_equal(n, 1);
    sqlite3_close(db);
    expect_database(&f, "w#1 ?.db", "u1:0", "");
    folder_remove(&f);
}

/* ---------------------------------------------------------------- external tables */

#define TABLES "CREATE TABLE information (name TEXT, value TEXT);"
#define EXTERNAL(name)                                                                                                 \
    "CREATE TABLE " name " (key TEXT, value REAL, id INTEGER); INSERT INTO information VALUES "                        \
    "('external_table_name', '" name "');"

static void put_systems(rcr_text *sql, int n) {
    rcr_text_puts(sql, "BEGIN;" TABLE ");" TABLES);
    for (int i = 1; i <= n; i++)
        rcr_text_printf(sql, "INSERT INTO systems VALUES (%d, 'u%d', " FE ", " ORIGIN ", " CELL4 ", 7);", i, i);
}

/* The value of a key in each row, 0 where there is none; what comes after the last row must be the end. */
static int count_rows(const char *path, const char *key, double *value, int room) {
    rcr_reader *reader;
    rcr_record record;
    int n = 0;
    assert_int_equal(rcr_reader_open(&reader, path, NULL), RCR_OK);
    for (; rcr_reader_read(reader, &record); n++) {
        const char *text = rcr_record_property(&record, key);
        assert_true(n < room);
        value[n] = 0;
        if (record.error.status != RCR_OK)
            value[n] = strstr(record.error.message, "table \"ext\" from here on: database disk image") ? -1 : -2;
        else if (text != NULL)
            assert_true(rcr_parse_double(&value[n], text, strlen(text)));
        rcr_record_release(&record);
    }
    rcr_reader_close(reader);
    return n;
}

/* Each row has its own values, in whatever order they lie. */
static void values_of_external_tables(void **state) {
    (void)state;
    enum { N = 1500, KEYS = 20 };
    static double value[N];
    test_folder f = folder_make();
    for (int order = 0; order < 3; order++) {
        const char *name = order == 0 ? "a.db" : order == 1 ? "b.db" : "c.db";
        rcr_text sql = {0};
        put_systems(&sql, N);
        rcr_text_puts(&sql, EXTERNAL("ext"));
        if (order == 2) rcr_text_puts(&sql, "CREATE INDEX by_id ON ext (id);");
        rcr_text_puts(&sql, "INSERT INTO ext VALUES ('k0', 9, NULL), ('k0', 9, 'x'), ('k0', 9, -1), ('k0', 9, 1.5);");
        for (int i = 1; i <= N; i++)
            for (int k = 0; k < KEYS; k++) {
                int id = order == 0 ? i : 1 + (i * 7) % N;
                rcr_text_printf(&sql, "INSERT INTO ext VALUES ('k%d', %d, %d);", k, 100 * id + k, id);
            }
        rcr_text_puts(&sql, "COMMIT;");
        run_sql(&f, name, sql.data);
        rcr_text_free(&sql);
        for (int k = 0; k < KEYS; k += KEYS - 1) {
            char key[8];
            snprintf(key, sizeof key, "k%d", k);
            assert_int_equal(count_rows(folder_path(&f, name), key, value, N), N);
            for (int i = 0; i < N; i++)
                if (value[i] != 100 * (i + 1) + k) fail_msg("%s: row %d: %s is %g", name, i + 1, key, value[i]);
        }
    }
    folder_remove(&f);
}

static void any_number_of_external_tables(void **state) {
    (void)state;
    test_folder f = folder_make();
    rcr_text sql = {0};
    put_systems(&sql, 2);
    for (int t = 0; t < 50; t++)
        rcr_text_printf(&sql, EXTERNAL("t%d") "INSERT INTO t%d VALUES ('k%d', %d, 2);", t, t, t, t, t + 1);
    rcr_text_puts(&sql, "COMMIT;");
    run_sql(&f, "a.db", sql.data);
    for (int t = 0; t < 50; t++) {
        char key[8];
        double value[2];
        snprintf(key, sizeof key, "k%d", t);
        assert_int_equal(count_rows(folder_path(&f, "a.db"), key, value, 2), 2);
        assert_true(value[0] == 0 && value[1] == t + 1);
    }
    sql.length = 0;
    rcr_text_puts(&sql, "BEGIN;");
    for (int t = 0; t < 1000; t++) rcr_text_puts(&sql, "INSERT INTO information VALUES ('external_table_name', 't0');");
    rcr_text_puts(&sql, "COMMIT;");
    run_sql(&f, "a.db", sql.data);
    rcr_text_free(&sql);
    expect_database(&f, "a.db", "limit exceeded", "more than 1000 external tables");
    folder_remove(&f);
}

/* What is damaged in an external table costs the rows whose values lie there or behind, and says so. */
static void damaged_external_tables(void **state) {
    (void)state;
    enum { N = 400 };
    static double value[N];
    test_folder f = folder_make();
    rcr_text sql = {0};
    put_systems(&sql, N);
    rcr_text_puts(&sql, EXTERNAL("ext"));
    for (int i = 1; i <= N; i++)
        for (int k = 0; k < 20; k++) rcr_text_printf(&sql, "INSERT INTO ext VALUES ('key%d', %d, %d);", k, i, i);
    rcr_text_puts(&sql, "COMMIT;");
    run_sql(&f, "a.db", sql.data);
    rcr_text_free(&sql);
    size_t length;
    char *bytes = read_all(folder_path(&f, "a.db"), &length);
    size_t page = length / 4096 * 3 / 4;
    memset(bytes + page * 4096, 0x5a, 8);
    FILE *file = fopen(folder_path(&f, "a.db"), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(count_rows(folder_path(&f, "a.db"), "key19", value, N), N);
    int whole = 0;
    while (whole < N && value[whole] == whole + 1) whole++;
    assert_true(whole > 10 && whole < N - 10);
    for (int i = whole; i < N; i++) assert_true(value[i] == -1);
    rcr_free(bytes);
    folder_remove(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(databases_are_not_trusted),
        cmocka_unit_test(a_log_beside_a_database),
        cmocka_unit_test(data_behind_any_number_of_bytes),
        cmocka_unit_test(values_of_external_tables),
        cmocka_unit_test(any_number_of_external_tables),
        cmocka_unit_test(damaged_external_tables),
        cmocka_unit_test(rows_with_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
