/* Files of many structures: every format against what pymatgen and ASE say of the same crystals (made by
 * make_reader_cases.py), ids and properties, what is bad in them, and files that are made to do harm. */
#include "support/folder.h"

#include <math.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "crystal/species.h"
#include "io/reader.h"
#include "io/unpack.h"
#include "telling.h"

/* ---------------------------------------------------------------- against expected.txt */

typedef struct expectation {
    char *text, *next_line;
} expectation;

static char *take_line(char **p) {
    char *line = *p, *end = strchr(line, '\n');
    if (end == NULL) return NULL;
    *end = '\0';
    *p = end + 1;
    return line;
}

static double take_number(char **p) {
    while (**p == ' ') ++*p;
    size_t n = strcspn(*p, " ");
    double value = NAN;
    if (!rcr_parse_double(&value, *p, n)) fail_msg("no number: %.40s", *p);
    *p += n;
    return value;
}

/* a . b for two lattice vectors: the same however the cell is turned. */
static double dot(const double *a, const double *b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

/* One structure against its line: "id Z.. | lattice | coordinates | key value". */
static void expect_record(const rcr_record *record, char *line, const char *file, double tolerance) {
    if (record->error.status != RCR_OK) fail_msg("%s: %s: %s", file, record->id, record->error.message);
    const rcr_crystal *c = record->crystal;
    size_t n = strcspn(line, " ");
    if (strlen(record->id) != n || memcmp(record->id, line, n) != 0)
        fail_msg("%s: %s is not %s", file, record->id, line);
    assert_string_equal(record->id, c->id);
    char *p = line + n;
    double lattice[3][3];
    for (int32_t i = 0; i < c->n_sites; i++)
        if (take_number(&p) != c->atomic_number[i]) fail_msg("%s: %s: site %d is another element", file, record->id, i);
    if (strncmp(p, " | ", 3) != 0) fail_msg("%s: %s: another number of sites", file, record->id);
    p += 3;
    for (int i = 0; i < 9; i++) lattice[i / 3][i % 3] = take_number(&p);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            if (!(fabs(dot(lattice[i], lattice[j]) - dot(c->lattice[i], c->lattice[j])) < 100 * tolerance))
                fail_msg("%s: %s: another cell", file, record->id);
    p += 3;
    for (int32_t i = 0; i < 3 * c->n_sites; i++) {
        double d = take_number(&p) - c->frac[i / 3][i % 3];
        if (!(fabs(d - round(d)) < tolerance)) fail_msg("%s: %s: site %d is %g off", file, record->id, i / 3, d);
    }
    p += 3;
    if (*p == '-' && p[1] == ' ') return;
    char *key = p, *value;
    for (value = strstr(p, " "); strstr(value + 1, " ") != NULL; value = strstr(value + 1, " ")) continue;
    *value++ = '\0';
    const char *found = rcr_record_property(record, key);
    double want = take_number(&value), got = NAN;
    if (found == NULL || !rcr_parse_double(&got, found, strlen(found)) || got != want)
        fail_msg("%s: %s: %s is %s", file, record->id, key, found != NULL ? found : "absent");
}

/* CIF and extended XYZ as pymatgen and ASE write them have eight decimals. */
static double tolerance_of(const char *file) {
    return strstr(file, "mp.csv") != NULL || strstr(file, "extxyz") != NULL ? 2e-7 : 1e-11;
}

static size_t compare_file(const char *path, const char *name, char **p) {
    rcr_reader *reader;
    rcr_record record;
    rcr_error err;
    if (rcr_reader_open(&reader, path, &err) != RCR_OK) fail_msg("%s: %s", path, err.message);
    size_t n = 0;
    for (char *line; (line = take_line(p)) != NULL && line[0] != '\0'; n++) {
        if (!rcr_reader_read(reader, &record)) fail_msg("%s ends after %zu structures", path, n);
        assert_int_equal(record.number, n + 1);
        assert_string_equal(record.file, path);
        assert_int_equal(strlen(record.sha256), 64);
        expect_record(&record, line, name, tolerance_of(name));
        rcr_record_release(&record);
    }
    if (rcr_reader_read(reader, &record)) fail_msg("%s goes on after %zu structures", path, n);
    rcr_reader_close(reader);
    return n;
}

/* Every file of a folder, and its packed form where there is one.  Returns the number of structures. */
static size_t compare_folder(const char *folder) {
    char path[1200], name[256];
    size_t n = 0, length;
    snprintf(path, sizeof path, "%s/expected.txt", folder);
    char *text = read_all(path, &length), *p = text;
    for (char *line; (line = take_line(&p)) != NULL && line[0] != '\0';) {
        char *again = p;
        snprintf(name, sizeof name, "%s", line);
        snprintf(path, sizeof path, "%s/%s.gz", folder, name);
        char *rest = strdup(again);
        assert_non_null(rest);
        size_t before = n;
        if (access(path, R_OK) == 0) {
            char *q = rest;
            n += compare_file(path, name, &q);
        }
        snprintf(path, sizeof path, "%s/%s", folder, name);
        if (access(path, R_OK) == 0)
            n += compare_file(path, name, &p);
        else
            while ((line = take_line(&p)) != NULL && line[0] != '\0') continue;
        if (n == before) fail_msg("%s is absent", name);
        free(rest);
    }
    rcr_free(text);
    return n;
}

static char *cases(void) {
    static char path[1024];
    snprintf(path, sizeof path, "%s/tests/io/cases/reader", getenv("RECRYST_SOURCE"));
    return path;
}

static void every_format_says_the_same(void **state) {
    (void)state;
    assert_int_equal(compare_folder(cases()), 3 * (17 + 4));
}

static void many_of_every_format(void **state) {
    (void)state;
    const char *venv = getenv("RECRYST_VENV");
    if (venv == NULL || venv[0] == '\0') {
        print_message("SKIPPED: needs ASE and pymatgen; RECRYST_VENV names no virtual environment\n");
        skip();
    }
    test_folder f = folder_make();
    char command[4096];
    snprintf(command, sizeof command, "'%s/bin/python' '%s/tests/io/make_reader_cases.py' '%s' 500", venv,
             getenv("RECRYST_SOURCE"), f.path);
    assert_int_equal(system(command), 0);
    assert_int_equal(compare_folder(f.path), 500 * (18 + 4));
    folder_remove(&f);
}

/* ---------------------------------------------------------------- small files */

#define CIF(a) CIF_AT(a, "0")
#define CIF_AT(a, x)                                                                                                   \
    "data_x\n_cell_length_a " a "\n_cell_length_b 4\n_cell_length_c 4\n_cell_angle_alpha 90\n_cell_angle_beta 90\n"    \
    "_cell_angle_gamma 90\nloop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n"  \
    "_atom_site_fract_z\nFe1 Fe " x " 0 0\n"

static void tables_of_cifs(void **state) {
    (void)state;
    static const telling all[] = {
        {"t.csv",
         ",material_id,y,cif\n0,a,1,\"" CIF("4") "\"\r\n1,b,2,\"" CIF_AT("4", "x") "\"\n\n2,c,3,\n3,d,4,\"" CIF(
             "5") "\",6\n4,,5,\"" CIF("5") "\"\n5,f,6,\"" CIF("6"),
         {"a:2", "b:17!...not a number", "c:33!...no structure in its column \"cif\"", "d:34!...the row has 5 cells",
          "t-5:49", "t-6:64!...never closed"}},
        {"t.csv",
         "y,CIF,z\n1,\"" CIF("4") "\",\"say \"\"x\"\"\"\n2,\"" CIF("4") "\"x,1\n3,\"" CIF("4") "\",2",
         {"t-1:2", "t-2:17!...text follows a closing quotation mark", "t-3:32"}},
        {"u",
         "structure,y\n\"{\"\"lattice\"\": [[4,0,0],[0,4,0],[0,0,4]], \"\"species\"\": [\"\"Fe\"\"], \"\"frac\"\": "
         "[[0,0,0]]}\",3\n{,1\n",
         {"u-1:2", "u-2:3!..."}},
        /* The first rows may lack their structures; an id's column is told in any letter case. */
        {"w.csv",
         "ID,y,cif\na,1,\nb,2\n\nc,3,\"" CIF("4") "\"\n",
         {"a:2!...no structure in its column \"cif\"", "b:3!...no structure in its column", "c:5"}},
        /* A name may hold lines, and whatever parts other tables' columns. */
        {"w2.csv", "cif,\"gap\nin eV\",id\n\"" CIF("4") "\",1,a\n", {"a:3"}},
        {"w3.csv", "\"gap; or\nnot\",cif,id\n1,\"" CIF("4") "\",a\n", {"a:3"}},
        {"x.csv", "y;cif\n1;\"" CIF("4") "\"\n", {"not supported...semicolons or tabs part the columns"}},
        {"y.tsv", "y\tcif\n1\t\"" CIF("4") "\"\n", {"not supported...save it with commas"}},
        /* Names of files are no structures. */
        {"v.csv", "structure,y\na.cif,1\n", {"v:0!...format is not known"}},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) expect_telling(&all[i]);
}

/* As old programs of Macintosh wrote them; and a file that was put together of both kinds. */
static void frames_in_lines_that_end_with_cr(void **state) {
    (void)state;
#define LATTICE "Lattice=\"4 0 0 0 4 0 0 0 4\""
    static const telling all[] = {
        {"a.xyz",
         "\r\r1\r" LATTICE " id=u\rFe 0 0 0\r \r1\r" LATTICE "\rXx 0 0 0\r1\r" LATTICE " id=w\rO 0 0 0",
         {"u:1", "a-2:7!...'Xx'", "w:10"}},
        {"b.xyz",
         "1\r" LATTICE "\rFe 0 0 0\r1\n" LATTICE "\nFe 0 0 0\n\n1\r\n" LATTICE "\r\nFe 0 0 0\r\n1\r" LATTICE
         "\rFe 0 0 0\r",
         {"b-1:1", "b-2:4", "b-3:8", "b-4:11"}},
        {"c.xyz", "2\r" LATTICE "\rFe 0 0 0\r", {"c:1!...1 of 2 atoms"}},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) expect_telling(&all[i]);
}

/* Any number of keys, the id and the target behind all others; and a key that could have been the id. */
static void every_key_of_a_frame_is_kept(void **state) {
    (void)state;
    rcr_text text = {0};
    rcr_reader *reader;
    rcr_record record;
    rcr_text_puts(&text, "1\n" LATTICE);
    for (int i = 0; i < 1000; i++) rcr_text_printf(&text, " k%d=%d", i, i);
    rcr_text_puts(&text, " gap=1.5 name=y id=x id=z\nFe 0 0 0\n");
    assert_int_equal(rcr_reader_open_memory(&reader, "a.xyz", text.data, text.length, NULL), RCR_OK);
    assert_true(rcr_reader_read(reader, &record));
    assert_string_equal(record.id, "x");
    assert_int_equal(record.n_properties, 1002);
    assert_string_equal(rcr_record_property(&record, "gap"), "1.5");
    assert_string_equal(rcr_record_property(&record, "name"), "y");
    rcr_record_release(&record);
    rcr_reader_close(reader);
    rcr_text_free(&text);
}

static void lines_within_cells_are_lines_of_the_file(void **state) {
    (void)state;
    static const char text[] = "y,cif\n1,\"" CIF_AT("4", "x") "\"\n";
    rcr_reader *reader;
    rcr_record record;
    assert_int_equal(rcr_reader_open_memory(&reader, "t.csv", text, strlen(text), NULL), RCR_OK);
    assert_true(rcr_reader_read(reader, &record));
    assert_int_equal(record.error.line, 15);
    rcr_record_release(&record);
    rcr_reader_close(reader);
}

/* The text in UTF-16, big-endian or not; returns its length. */
static size_t to_utf16(char *out, const char *text, int big) {
    size_t n = 0;
    out[n++] = big ? '\xFE' : '\xFF';
    out[n++] = big ? '\xFF' : '\xFE';
    for (; *text != '\0'; text++) {
        const char pair[2] = {'\0', *text};
        out[n++] = pair[!big];
        out[n++] = pair[big];
    }
    return n;
}

/* As Windows writes it: the same ids and values as in UTF-8, of one structure as of many. */
static void files_in_utf16(void **state) {
    (void)state;
    static const struct {
        const char *name, *text, *told;
    } all[] = {
        {"a.json", "{\"id\": \"x\", \"gap\": 1.5, \"structure\": " IRON "}", "x:1"},
        {"a.json", "[{\"id\": \"x\", \"gap\": 1.5, \"structure\": " IRON "},\n" IRON "]", "x:1\na-2:2"},
        {"a.jsonl", "{\"id\": \"x\", \"gap\": 1.5, \"structure\": " IRON "}\n" IRON "\n", "x:1\na-2:2"},
        {"a.xyz", "1\n" LATTICE " id=x gap=1.5\nFe 0 0 0\n", "x:1"},
        {"a.xyz", "1\r\n" LATTICE " id=x gap=1.5\r\nFe 0 0 0\r\n1\r\n" LATTICE "\r\nFe 0 0 0\r\n", "x:1\na-2:4"},
        {"a.csv", "id,gap,cif\nx,1.5,\"" CIF("4") "\"\n", "x:2"},
        {"a.csv", "id;gap;cif\nx;1.5;\"" CIF("4") "\"\n",
         "not supported: semicolons or tabs part the columns of this table; save it with commas"},
    };
    for (size_t i = 0; i < 2 * (sizeof all / sizeof *all); i++) {
        char bytes[4096];
        const char *name = all[i / 2].name;
        size_t n = to_utf16(bytes, all[i / 2].text, i % 2 == 1);
        assert_string_equal(tell(name, bytes, n), all[i / 2].told);
        rcr_reader *reader;
        rcr_record record;
        if (rcr_reader_open_memory(&reader, name, bytes, n, NULL) != RCR_OK) continue;
        assert_true(rcr_reader_read(reader, &record));
        assert_string_equal(rcr_record_property(&record, "gap"), "1.5");
        rcr_record_release(&record);
        rcr_reader_close(reader);
    }
    /* A character beyond the first 65,536, and the first half of one alone. */
    static const unsigned char odd[] = {0xFF, 0xFE, 0x3D, 0xD8, 0x00, 0xDE, 0x3D, 0xD8, 'x', 0, 0x3D, 0xD8};
    char *text;
    size_t n;
    assert_int_equal(rcr_structure_from_utf16(&text, &n, (const char *)odd, sizeof odd, NULL), RCR_OK);
    assert_int_equal(n, 7);
    assert_memory_equal(text, "\xF0\x9F\x98\x80?x?", 7);
    rcr_free(text);
}

/* ---------------------------------------------------------------- what a record says */

static void properties_come_from_everywhere(void **state) {
    (void)state;
    static const char text[] =
        "{\"@module\": \"m\", \"energy\": -1.5, \"n\": 12345678901234, \"metal\": true, \"none\": null, \"list\": [1], "
        "\"name\": \"x\", \"label\": \"abc\", \"data\": {\"gap\": 2.0, \"energy\": 7}, \"structure\": {" CUBE
        ", \"species\": [\"Fe\"], \"frac\": [[0,0,0]], \"properties\": {\"e\": 1e-300}, \"charge\": 0}}";
    static const char *const want[][2] = {
        {"energy", "-1.5"}, {"n", "12345678901234"}, {"metal", "true"}, {"label", "abc"},
        {"gap", "2"},       {"data.energy", "7"},    {"e", "1e-300"}};
    rcr_reader *reader;
    rcr_record record;
    assert_int_equal(rcr_reader_open_memory(&reader, "e.json", text, strlen(text), NULL), RCR_OK);
    assert_true(rcr_reader_next(reader, &record));
    assert_null(record.crystal);
    assert_string_equal(record.id, "e");
    rcr_reader_close(reader); /* a record needs no reader any more */
    rcr_record_parse(&record);
    rcr_record_parse(&record);
    assert_string_equal(record.id, "x");
    assert_true(record.own_id && record.alone && record.number == 1);
    assert_int_equal(record.n_properties, sizeof want / sizeof *want);
    for (size_t k = 0; k < record.n_properties; k++) {
        assert_string_equal(record.property[k].key, want[k][0]);
        assert_string_equal(record.property[k].value, want[k][1]);
    }
    assert_null(rcr_record_property(&record, "none"));
    rcr_record_release(&record);
}

static rcr_crystal *first(const char *text, rcr_error *err) {
    rcr_crystal *crystal = NULL;
    return rcr_reader_first(&crystal, "x.json", text, strlen(text), err) == RCR_OK ? crystal : NULL;
}

#define OPTIMADE(species, more)                                                                                        \
    "{\"data\": [{\"id\": \"o\", \"type\": \"structures\", \"attributes\": {\"lattice_vectors\": "                     \
    "[[4,0,0],[0,4,0],[0,0,4]], \"cartesian_site_positions\": [[0,0,0],[2,2,1]], \"species_at_sites\": "               \
    "[\"A\",\"B\"], \"species\": [{\"name\": \"A\", \"chemical_symbols\": [\"Na\"], \"concentration\": [1]}, "         \
    "{\"name\": \"B\", " species "}]" more "}}]}"

static void optimade_structures(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
        rcr_status status;
    } bad[] = {
        {OPTIMADE("\"chemical_symbols\": [\"X\"], \"concentration\": [1]", ""), "'X'", RCR_ERR_UNSUPPORTED},
        {OPTIMADE("\"chemical_symbols\": [\"vacancy\"], \"concentration\": [1]", ""), "site 2 is vacant", RCR_ERR_DATA},
        {OPTIMADE("\"chemical_symbols\": [\"Cl\"], \"concentration\": []", ""), "a concentration for each",
         RCR_ERR_PARSE},
        {OPTIMADE("\"chemical_symbols\": [\"Cl\"]", ", \"dimension_types\": [1,1,0]"), "not periodic", RCR_ERR_DATA},
        {OPTIMADE("\"chemical_symbols\": [\"Cl\"]", ", \"nperiodic_dimensions\": 2"), "not periodic", RCR_ERR_DATA},
        {OPTIMADE("\"chemical_symbols\": [\"Cl\"]", ", \"structure_features\": [\"disorder\", \"assemblies\"]"),
         "assemblies", RCR_ERR_UNSUPPORTED},
        {OPTIMADE("\"chemical_symbols\": [\"Cl\"], \"attached\": [\"H\"], \"nattached\": [1]", ""), "attached",
         RCR_ERR_UNSUPPORTED},
    };
    rcr_error err;
    rcr_text many = {0}; /* symbols of one species, of which each site that names it would have as many */
    rcr_text_puts(&many, "\"chemical_symbols\": [\"H\"");
    for (int i = 0; i < 121; i++) rcr_text_puts(&many, ", \"H\"");
    rcr_text whole = {0};
    rcr_text_printf(&whole, OPTIMADE("%s]", ""), many.data);
    assert_null(first(whole.data, &err));
    assert_non_null(strstr(err.message, "site 2: its species has 122 chemical symbols"));
    rcr_text_free(&many);
    rcr_text_free(&whole);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(first(bad[i].text, &err));
        if (err.status != bad[i].status || strstr(err.message, bad[i].message) == NULL)
            fail_msg("%s: %s", rcr_status_name(err.status), err.message);
    }
    assert_null(first("{\"sites\": [], \"@class\": \"Molecule\"}", &err));
    assert_non_null(strstr(err.message, "a molecule, which is not periodic and no crystal"));
    rcr_crystal *c = first(OPTIMADE("\"chemical_symbols\": [\"Cl\"]", ""), &err);
    assert_non_null(c);
    assert_false(rcr_crystal_is_disordered(c));
    assert_true(c->atomic_number[1] == 17 && c->frac[1][0] == 0.5 && c->frac[1][2] == 0.25);
    rcr_crystal_free(c);
    c = first(OPTIMADE("\"chemical_symbols\": [\"D\"]", ""), &err); /* hydrogen, as in every other format */
    assert_true(c != NULL && c->atomic_number[1] == 1);
    rcr_crystal_free(c);
    c = first(OPTIMADE("\"chemical_symbols\": [\"Br\", \"Cl\", \"vacancy\"], \"concentration\": [0.25, 0.5, 0.25]", ""),
              &err);
    assert_non_null(c);
    assert_memory_equal(c->species_offset, ((const int32_t[]){0, 1, 3}), 3 * sizeof(int32_t));
    assert_memory_equal(c->species_number, ((const uint8_t[]){11, 17, 35}), 3);
    assert_memory_equal(c->species_occupancy, ((const double[]){1, 0.5, 0.25}), 3 * sizeof(double));
    rcr_crystal_free(c);
}

/* ---------------------------------------------------------------- folders and archives */

/* Of a folder and of an archive the same: what lies beside a user's files is none of them. */
static void hidden_files_are_passed_over(void **state) {
    (void)state;
    static const char *const names[] = {"a.cif", ".b.cif", "._a.cif", ".c.json", ".e.zip"};
    static char packed[1 << 16];
    size_t used = 0;
    test_folder f = folder_make();
    struct archive *a = archive_write_new();
    archive_write_set_format_ustar(a);
    archive_write_set_bytes_per_block(a, 0);
    assert_int_equal(archive_write_open_memory(a, packed, sizeof packed, &used), ARCHIVE_OK);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = i == 0 ? CIF("4") : i == 3 ? "[" IRON "]" : "\x05\x16\x07";
        struct archive_entry *entry = archive_entry_new();
        folder_write(&f, names[i], text);
        archive_entry_set_pathname(entry, names[i]);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_size(entry, (la_int64_t)strlen(text));
        assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
        archive_write_data(a, text, strlen(text));
        archive_entry_free(entry);
    }
    assert_int_equal(archive_write_free(a), ARCHIVE_OK);
    assert_string_equal(tell("x.tar", packed, used), "a:0");
    rcr_reader *reader;
    rcr_record record;
    assert_int_equal(rcr_reader_open(&reader, f.path, NULL), RCR_OK);
    assert_true(rcr_reader_read(reader, &record));
    assert_string_equal(record.id, "a");
    rcr_record_release(&record);
    assert_false(rcr_reader_read(reader, &record));
    rcr_reader_close(reader);
    assert_int_equal(rcr_reader_open(&reader, folder_path(&f, ".c.json"), NULL), RCR_OK); /* by its name */
    assert_true(rcr_reader_read(reader, &record));
    assert_non_null(record.crystal);
    rcr_record_release(&record);
    rcr_reader_close(reader);
    folder_remove(&f);
}

static void folders_and_archives(void **state) {
    (void)state;
    test_folder f = folder_make();
    folder_write(&f, "b.json", "[" IRON ", " IRON "]");
    folder_write(&f, "a.cif", CIF("4"));
    folder_write(&f, "broken.json", "{\"lattice\": ");
    folder_write(&f, "notes.json", "{\"author\": \"x\"}");
    folder_write(&f, "atom_init.json", "{\"1\": [0]}");
    folder_write(&f, "notes.csv", "a,b\n");
    folder_write(&f, "readme.txt", "x");
    rcr_reader *reader;
    rcr_record record;
    char seen[256] = "";
    assert_int_equal(rcr_reader_open(&reader, f.path, NULL), RCR_OK);
    while (rcr_reader_read(reader, &record)) {
        snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s%s ", record.id, record.crystal ? "" : "!");
        assert_memory_equal(record.file, f.path, strlen(f.path));
        rcr_record_release(&record);
    }
    rcr_reader_close(reader);
    assert_string_equal(seen, "a b-1 b-2 broken! ");
    folder_remove(&f);

    f = folder_make(); /* a table counts where there is nothing else */
    folder_write(&f, "train.csv", "y,cif\n1,\"" CIF("4") "\"\n");
    folder_write(&f, "val.csv", "y,cif\n1,\"" CIF("4") "\"\n2,\"" CIF("4") "\"\n");
    seen[0] = '\0';
    assert_int_equal(rcr_reader_open(&reader, f.path, NULL), RCR_OK);
    while (rcr_reader_read(reader, &record)) {
        snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s ", record.id);
        rcr_record_release(&record);
    }
    rcr_reader_close(reader);
    assert_string_equal(seen, "train val-1 val-2 ");
    folder_remove(&f);

    f = folder_make();
    rcr_error err;
    folder_write(&f, "readme.txt", "x");
    assert_int_equal(rcr_reader_open(&reader, f.path, &err), RCR_ERR_DATA);
    assert_int_equal(rcr_reader_open(&reader, folder_path(&f, "none"), &err), RCR_ERR_IO);
    assert_non_null(strstr(err.message, "no such file"));
    folder_remove(&f);
}

/* ---------------------------------------------------------------- packed bytes */

static size_t pack(char *out, size_t room, int (*filter)(struct archive *), const char *text) {
    struct archive *a = archive_write_new();
    size_t used = 0;
    archive_write_set_format_raw(a);
    filter(a);
    archive_write_set_bytes_per_block(a, 0);
    assert_int_equal(archive_write_open_memory(a, out, room, &used), ARCHIVE_OK);
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_filetype(entry, AE_IFREG);
    assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
    archive_write_data(a, text, strlen(text));
    archive_entry_free(entry);
    archive_write_close(a);
    archive_write_free(a);
    return used;
}

static void every_packing(void **state) {
    (void)state;
    static int (*const filters[])(struct archive *) = {archive_write_add_filter_gzip, archive_write_add_filter_bzip2,
                                                       archive_write_add_filter_xz, archive_write_add_filter_zstd};
    static char packed[1 << 16];
    static const char text[] = "[" IRON ", " IRON "]";
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        size_t n = pack(packed, sizeof packed, filters[i], text);
        assert_string_equal(tell("x.json.zst", packed, n), "x-1:1\nx-2:1");
        assert_string_equal(tell("x", packed, n), "x-1:1\nx-2:1"); /* whatever the name */
        /* Cut off: what came before may be read, the rest is an error; nothing hangs. */
        for (size_t cut = 1; cut < n; cut++) assert_non_null(strstr(tell("x.json.gz", packed, cut), " "));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_says_the_same),
        cmocka_unit_test(many_of_every_format),
        cmocka_unit_test(frames_in_lines_that_end_with_cr),
        cmocka_unit_test(files_in_utf16),
        cmocka_unit_test(every_key_of_a_frame_is_kept),
        cmocka_unit_test(tables_of_cifs),
        cmocka_unit_test(lines_within_cells_are_lines_of_the_file),
        cmocka_unit_test(properties_come_from_everywhere),
        cmocka_unit_test(optimade_structures),
        cmocka_unit_test(folders_and_archives),
        cmocka_unit_test(hidden_files_are_passed_over),
        cmocka_unit_test(every_packing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
