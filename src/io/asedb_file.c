#include "io/asedb_file.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/format.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"

/* Steps of SQLite's machine between two rows after which a file counts as made to hang its reader; a row of 1 GiB takes
 * far fewer. */
enum { STEPS_AT_ONCE = 10000, MAX_STEPS = 100000000 };

rcr_status rcr_asedb_file_fail(const rcr_asedb_file *file, rcr_error *err, const char *what) {
    if ((sqlite3_errcode(file->db) & 0xff) == SQLITE_IOERR && sqlite3_extended_errcode(file->db) != SQLITE_IOERR_NOMEM)
        return rcr_fail(err, RCR_ERR_IO, "can't read the ASE database%s: the device reports an error", what);
    return rcr_fail(err, sqlite3_errcode(file->db) == SQLITE_NOMEM ? RCR_ERR_MEMORY : RCR_ERR_PARSE,
                    "can't read the ASE database%s: %.200s", what, sqlite3_errmsg(file->db));
}

/* ---------------------------------------------------------------- distrust */

static int count_steps(void *self) {
    rcr_asedb_file *file = self;
    file->steps += STEPS_AT_ONCE;
    return file->steps > MAX_STEPS;
}

/* Reading columns is all that a statement may do. */
static int allow_reading(void *self, int action, const char *a, const char *b, const char *c, const char *trigger) {
    (void)self, (void)a, (void)b, (void)c;
    if (trigger != NULL) return SQLITE_DENY; /* a view or a trigger */
    return action == SQLITE_SELECT || action == SQLITE_READ ? SQLITE_OK : SQLITE_DENY;
}

static void distrust(rcr_asedb_file *file) {
    static const int limits[][2] = {
        {SQLITE_LIMIT_LENGTH, 1 << 30},  {SQLITE_LIMIT_SQL_LENGTH, 1 << 20}, {SQLITE_LIMIT_COLUMN, 1000},
        {SQLITE_LIMIT_EXPR_DEPTH, 20},   {SQLITE_LIMIT_COMPOUND_SELECT, 2},  {SQLITE_LIMIT_VDBE_OP, 25000},
        {SQLITE_LIMIT_FUNCTION_ARG, 8},  {SQLITE_LIMIT_ATTACHED, 0},         {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100},
        {SQLITE_LIMIT_TRIGGER_DEPTH, 1}, {SQLITE_LIMIT_WORKER_THREADS, 0}};
    for (size_t k = 0; k < sizeof limits / sizeof *limits; k++) sqlite3_limit(file->db, limits[k][0], limits[k][1]);
    sqlite3_db_config(file->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(file->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(file->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(file->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_db_config(file->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_progress_handler(file->db, STEPS_AT_ONCE, count_steps, file);
    sqlite3_exec(file->db,
                 "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA query_only = ON; "
                 "PRAGMA temp_store = MEMORY",
                 NULL, NULL, NULL);
}

/* ---------------------------------------------------------------- opening */

/* "file:" and the path, with everything but the plainest characters escaped. */
static void put_uri(rcr_text *uri, const char *path, const char *options) {
    rcr_text_puts(uri, "file:");
    for (const unsigned char *c = (const unsigned char *)path; *c != '\0'; c++) {
        if (rcr_is_alpha(*c) || rcr_is_digit(*c) || *c == '/' || *c == '.' || *c == '-' || *c == '_')
            rcr_text_append(uri, (const char *)c, 1);
        else
            rcr_text_printf(uri, "%%%02X", *c);
    }
    rcr_text_puts(uri, options);
}

/* A file with changes that lie beside it is opened as one in use; any other as one that nobody changes, which also
 * works in folders that can't be written to. */
static int has_changes(const char *path) {
    static const char *const endings[] = {"-wal", "-journal"};
    for (size_t k = 0; k < sizeof endings / sizeof *endings; k++) {
        rcr_text name = {0};
        rcr_text_printf(&name, "%s%s", path, endings[k]);
        FILE *file = name.failed ? NULL : fopen(name.data, "rb");
        int missing = file == NULL && !name.failed && !rcr_path_exists(name.data);
        rcr_text_free(&name);
        /* One that can't be read may hold changes: SQLite will say so. */
        int c = file != NULL ? fgetc(file) : EOF, empty = c == EOF && file != NULL && !ferror(file);
        if (file != NULL) fclose(file);
        if (!missing && !empty) return 1;
    }
    return 0;
}

static int read_file(sqlite3_file *open_file, void *data, int length, sqlite3_int64 at) {
    const rcr_asedb_methods *methods = (const rcr_asedb_methods *)(const void *)open_file->pMethods;
    int code = methods->of_file->xRead(open_file, data, length, at);
    return code == SQLITE_IOERR_CORRUPTFS ? SQLITE_IOERR_READ : code;
}

/* SQLite takes a device's error for a damaged file, so that nobody can tell whether the file should be read again or
 * made anew.  Its next version may have more methods: they are left out, as the version of these says. */
static void keep_device_errors(rcr_asedb_file *file) {
    enum { VERSION = 3 };
    sqlite3_file *open_file = NULL;
    if (sqlite3_file_control(file->db, "main", SQLITE_FCNTL_FILE_POINTER, &open_file) != SQLITE_OK ||
        open_file == NULL || open_file->pMethods == NULL || open_file->pMethods->iVersion < VERSION)
        return;
    file->methods = (rcr_asedb_methods){.own = *open_file->pMethods, .of_file = open_file->pMethods};
    file->methods.own.iVersion = VERSION;
    file->methods.own.xRead = read_file;
    open_file->pMethods = &file->methods.own;
}

static rcr_status open_path(rcr_asedb_file *file, const char *path, rcr_error *err) {
    rcr_text uri = {0};
    put_uri(&uri, path, has_changes(path) ? "?mode=ro" : "?mode=ro&immutable=1");
    if (uri.failed) {
        rcr_text_free(&uri);
        return rcr_fail_memory(err, "opening a database");
    }
    int code =
        sqlite3_open_v2(uri.data, &file->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_PRIVATECACHE, NULL);
    rcr_text_free(&uri);
    if (file->db == NULL) return rcr_fail_memory(err, "opening a database");
    sqlite3_busy_timeout(file->db, 5000);
    if (code == SQLITE_OK) {
        keep_device_errors(file);
        return RCR_OK;
    }
    /* SQLite's own words leave out why. */
    int why = sqlite3_system_errno(file->db);
    return why != 0 ? rcr_fail_system(err, path, "can't open", why) : rcr_asedb_file_fail(file, err, " (opening it)");
}

/* Bytes 18 and 19 say whether there is a write-ahead log, which bytes in memory can't have. */
static rcr_status open_bytes(rcr_asedb_file *file, const void *data, size_t length, rcr_error *err) {
    unsigned char *bytes = file->own;
    if (bytes == NULL) {
        file->own = bytes = rcr_malloc(length > 0 ? length : 1, 1);
        if (bytes == NULL) return rcr_fail_memory(err, "opening a database");
        memcpy(bytes, data, length);
    }
    if (length >= 20 && bytes[18] == 2) bytes[18] = 1;
    if (length >= 20 && bytes[19] == 2) bytes[19] = 1;
    if (sqlite3_open_v2(":memory:", &file->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_PRIVATECACHE, NULL) != SQLITE_OK)
        return file->db == NULL ? rcr_fail_memory(err, "opening a database")
                                : rcr_asedb_file_fail(file, err, " (opening it)");
    if (sqlite3_deserialize(file->db, "main", bytes, (sqlite3_int64)length, (sqlite3_int64)length,
                            SQLITE_DESERIALIZE_READONLY) != SQLITE_OK)
        return rcr_asedb_file_fail(file, err, " (opening it)");
    return RCR_OK;
}

rcr_status rcr_asedb_file_open(rcr_asedb_file *file, const char *path, const void *data, size_t length, void *own,
                               rcr_error *err) {
    file->own = own;
    rcr_status status = path != NULL ? open_path(file, path, err) : open_bytes(file, data, length, err);
    if (status == RCR_OK) distrust(file);
    return status;
}

void rcr_asedb_file_allow_rows(rcr_asedb_file *file) { sqlite3_set_authorizer(file->db, allow_reading, file); }

void rcr_asedb_file_close(rcr_asedb_file *file) {
    sqlite3_close(file->db);
    rcr_free(file->own);
}
