/* recryst convert */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/convert_out.h"
#include "cli/output.h"
#include "cli/read_data.h"
#include "cli/signals.h"
#include "cli/symmetry_guard.h"
#include "cli/terminal.h"
#include "crystal/transform.h"
#include "data/table_files.h"

/* Structures that are read, turned into text and written at a time; or this many bytes of text if that comes first. */
enum { CHUNK = 256, CHUNK_BYTES = 32 << 20 };

typedef struct convert {
    int32_t to, primitive, conventional, keep, reduce, overwrite, strict, quiet, threads;
    double tolerance;
    rcr_arg_list supercell;
    const char *errors_path;

    rcr_write_format format;
    rcr_pool *pool;
    rcr_convert_out *out;
    rcr_terminal terminal;
    rcr_converted *item; /* [CHUNK] */
    size_t n, bytes;
    size_t n_seen;     /* items so far, those that can't be used included */
    rcr_error failure; /* of the first input that could not be read to its end; status RCR_OK: none */
    double since;
} convert;

/* ---- one structure */

static void replace(rcr_crystal **crystal, rcr_crystal *made) {
    rcr_crystal_free(*crystal);
    *crystal = made;
}

static rcr_status transform(rcr_crystal **crystal, const convert *c, rcr_error *err) {
    rcr_crystal *made;
    rcr_status status;
    if (c->primitive || c->conventional) {
        status = rcr_guarded_standardize(&made, *crystal, c->primitive ? RCR_CELL_PRIMITIVE : RCR_CELL_CONVENTIONAL,
                                         !c->keep, c->tolerance, err);
        if (status != RCR_OK) return status;
        replace(crystal, made);
    }
    if (c->reduce) {
        status = rcr_crystal_reduce(&made, *crystal, err);
        if (status != RCR_OK) return status;
        replace(crystal, made);
    }
    if (c->supercell.n == 3) {
        status = rcr_crystal_supercell(&made, *crystal, c->supercell.item, err);
        if (status != RCR_OK) return status;
        replace(crystal, made);
    }
    return RCR_OK;
}

static void convert_piece(void *job, int index, int worker) {
    (void)worker;
    convert *c = job;
    rcr_converted *item = &c->item[index];
    rcr_record *record = &item->record;
    if (item->input != NULL)
        rcr_table_files_parse(record, item->input, item->input_length);
    else
        rcr_record_parse(record);
    rcr_free(item->input);
    item->input = NULL;
    rcr_error *err = &record->error;
    if (record->crystal == NULL) {
        if (record->file != NULL) rcr_tell_store(err, record->file);
        return;
    }
    rcr_status status = transform(&record->crystal, c, err);
    /* The id that the reader gave: of a file with several structures the crystal's may be that of the file. */
    char *own = record->crystal->id;
    record->crystal->id = record->id;
    if (status == RCR_OK)
        status =
            rcr_crystal_write(&item->text, c->format, record->crystal, record->property, record->n_properties, err);
    record->crystal->id = own;
    err->status = status;
    rcr_crystal_free(record->crystal);
    record->crystal = NULL;
}

/* ---- all of them */

static void release_chunk(convert *c) {
    for (size_t i = 0; i < c->n; i++) {
        rcr_record_release(&c->item[i].record);
        rcr_text_free(&c->item[i].text);
        rcr_free(c->item[i].input);
        rcr_free(c->item[i].file);
    }
    memset(c->item, 0, c->n * sizeof *c->item);
    c->n = c->bytes = 0;
}

static rcr_status convert_chunk(convert *c, atomic_int *stop, rcr_error *err) {
    rcr_pool_run(c->pool, (int)c->n, convert_piece, c);
    rcr_terminal_clear(&c->terminal);
    for (size_t i = 0; i < c->n && c->strict; i++) {
        if (c->item[i].record.error.status == RCR_OK) continue;
        *err = c->item[i].record.error;
        rcr_error_set_file(err, c->item[i].record.file);
        release_chunk(c);
        return err->status;
    }
    rcr_status status = rcr_convert_out_add(c->out, c->item, c->n, c->pool, err);
    release_chunk(c);
    if (status != RCR_OK) return status;
    char count[32], rate[32];
    size_t n = rcr_convert_out_written(c->out);
    rcr_terminal_progress(&c->terminal, "%s converted, %s/s", rcr_format_count(count, (long long)n),
                          rcr_format_count(rate, (long long)((double)n / (rcr_now() - c->since))));
    if (atomic_load(stop)) return rcr_fail(err, RCR_ERR_INTERRUPTED, "interrupted");
    return RCR_OK;
}

/* The next bytes of standard input; *n is 0 at its end.  Waits in short pieces: a stop must be seen while nothing
 * comes. */
static rcr_status read_block(size_t *n, char *block, size_t room, const atomic_int *stop, rcr_error *err) {
    enum { MILLISECONDS = 100 };
    for (;;) {
        if (atomic_load(stop)) return rcr_fail(err, RCR_ERR_INTERRUPTED, "interrupted");
        struct pollfd wait = {.fd = STDIN_FILENO, .events = POLLIN};
        int ready = poll(&wait, 1, MILLISECONDS);
        if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
        return rcr_read_some(n, STDIN_FILENO, block, room, "stdin", err);
    }
}

/* All of standard input.  Free with rcr_free. */
static rcr_status read_stdin(char **data, size_t *length, const atomic_int *stop, rcr_error *err) {
    rcr_text text = {0};
    char block[65536];
    size_t n;
    rcr_status status;
    while ((status = read_block(&n, block, sizeof block, stop, err)) == RCR_OK && n > 0 && !text.failed &&
           text.length <= RCR_RECORD_MAX_BYTES * 8)
        rcr_text_append(&text, block, n);
    if (status == RCR_OK && n > 0) status = rcr_fail(err, RCR_ERR_LIMIT, "standard input is longer than 8 GiB");
    if (text.failed) status = rcr_fail_memory(err, "reading standard input");
    if (status != RCR_OK) {
        rcr_text_free(&text);
        return status;
    }
    *data = text.data;
    *length = text.length;
    return RCR_OK;
}

/* The item that was just filled is one of the chunk; convert that when it is full. */
static rcr_status add_item(convert *c, size_t bytes, atomic_int *stop, rcr_error *err) {
    c->n++;
    c->n_seen++;
    c->bytes += bytes;
    return c->n == CHUNK || c->bytes >= CHUNK_BYTES ? convert_chunk(c, stop, err) : RCR_OK;
}

static rcr_status convert_table(convert *c, rcr_table_files *table, atomic_int *stop, rcr_error *err) {
    rcr_status status = RCR_OK;
    for (;;) {
        rcr_converted *item = &c->item[c->n];
        if (status != RCR_OK || !rcr_table_files_next(table, &item->record, &item->input, &item->input_length))
            return status;
        status = add_item(c, item->input_length, stop, err);
    }
}

static rcr_status convert_reader(convert *c, rcr_reader *reader, atomic_int *stop, rcr_error *err) {
    rcr_status status = RCR_OK;
    rcr_record *record = &c->item[c->n].record;
    while (status == RCR_OK && rcr_reader_next(reader, record)) {
        if (record->cut_off && c->failure.status == RCR_OK) c->failure = record->error;
        status = add_item(c, rcr_record_bytes(record), stop, err);
        record = &c->item[c->n].record;
    }
    return status;
}

/* An input like any other that can't be used. */
static rcr_status add_failure(convert *c, const char *path, const rcr_error *failure, atomic_int *stop,
                              rcr_error *err) {
    rcr_record *record = &c->item[c->n].record;
    record->file = rcr_strdup(path);
    record->error = *failure;
    rcr_error_set_file(&record->error, path);
    return add_item(c, 0, stop, err);
}

static rcr_status add_nothing(convert *c, const char *path, atomic_int *stop, rcr_error *err) {
    rcr_error failure;
    rcr_fail(&failure, RCR_ERR_DATA, "the file holds no structures");
    return add_failure(c, path, &failure, stop, err);
}

static rcr_status convert_stdin(convert *c, atomic_int *stop, rcr_error *err) {
    rcr_reader *reader = NULL;
    char *data;
    size_t length;
    rcr_error failure = {0};
    rcr_status status = read_stdin(&data, &length, stop, &failure);
    if (status == RCR_ERR_INTERRUPTED) {
        *err = failure;
        return status;
    }
    if (status != RCR_OK) {
        c->failure = failure;
        return add_failure(c, "stdin", &failure, stop, err);
    }
    status = rcr_reader_open_memory(&reader, "stdin", data != NULL ? data : "", length, &failure);
    if (status != RCR_OK) {
        status = add_failure(c, "stdin", &failure, stop, err);
    } else {
        size_t before = c->n_seen;
        status = convert_reader(c, reader, stop, err);
        if (status == RCR_OK && c->n_seen == before) status = add_nothing(c, "stdin", stop, err);
        /* It has to be parsed while the bytes are there. */
        if (status == RCR_OK && c->n > 0) status = convert_chunk(c, stop, err);
        rcr_reader_close(reader);
    }
    rcr_free(data);
    return status;
}

static rcr_status convert_path(convert *c, const char *path, atomic_int *stop, rcr_error *err) {
    rcr_table_files *table = NULL;
    rcr_reader *reader = NULL;
    rcr_error failure = {0};
    if (strcmp(path, "-") == 0) return convert_stdin(c, stop, err);
    rcr_status status = rcr_table_files_open(&table, path, &failure);
    if (status == RCR_OK && table == NULL) status = rcr_reader_open(&reader, path, &failure);
    if (c->failure.status == RCR_OK && rcr_reader_loses_many(path, &failure)) c->failure = failure;
    if (status != RCR_OK) return add_failure(c, path, &failure, stop, err);
    size_t before = c->n_seen;
    status = table != NULL ? convert_table(c, table, stop, err) : convert_reader(c, reader, stop, err);
    if (status == RCR_OK && c->n_seen == before) status = add_nothing(c, path, stop, err);
    rcr_table_files_close(table);
    rcr_reader_close(reader);
    return status;
}

static rcr_status convert_all(convert *c, char *const *path, size_t n, rcr_error *err) {
    atomic_int *stop = rcr_signals_catch(NULL);
    rcr_status status = RCR_OK;
    for (size_t i = 0; i < n && status == RCR_OK; i++) status = convert_path(c, path[i], stop, err);
    if (status == RCR_OK && c->n > 0) status = convert_chunk(c, stop, err);
    release_chunk(c);
    if (status == RCR_OK && c->failure.status != RCR_OK) { /* the output would lack what nothing tells of */
        *err = c->failure;
        status = err->status;
    }
    return status;
}

static int finish(convert *c, rcr_status status, rcr_error *err) {
    rcr_terminal_clear(&c->terminal);
    size_t n = rcr_convert_out_written(c->out), n_failed = rcr_convert_out_failed(c->out);
    if (status != RCR_OK) {
        rcr_convert_out_abort(c->out);
        int code = rcr_cli_error(err);
        if (status == RCR_ERR_INTERRUPTED || status == RCR_ERR_ARGUMENT) return code;
        return RCR_EXIT_FAILED;
    }
    char where[300] = "";
    if (n_failed > 0 && rcr_convert_out_errors(c->out) != NULL)
        snprintf(where, sizeof where, "; %s says why", rcr_convert_out_errors(c->out));
    status = rcr_convert_out_close(c->out, err);
    if (status != RCR_OK) return rcr_cli_error(err);
    char a[32], b[32], time[32];
    if (n > 0)
        rcr_terminal_line(&c->terminal, "%s structure%s converted in %s", rcr_format_count(a, (long long)n),
                          n == 1 ? "" : "s", rcr_format_duration(time, rcr_now() - c->since));
    if (n_failed > 0) rcr_cli_hint("%s could not be converted%s", rcr_format_count(b, (long long)n_failed), where);
    if (n > 0) return RCR_EXIT_OK;
    rcr_cli_hint("error: nothing could be converted");
    return RCR_EXIT_FAILED;
}

static int run(convert *c, const rcr_args *args) {
    rcr_error err;
    size_t n = (size_t)args->n_positional - 1;
    const char *path = args->positional[n];
    rcr_terminal_init(&c->terminal, c->quiet);
    c->since = rcr_now();
    c->item = rcr_calloc(CHUNK, sizeof *c->item);
    rcr_status status = c->item != NULL ? RCR_OK : rcr_fail_memory(&err, "converting");
    if (status == RCR_OK) status = rcr_pool_create(&c->pool, c->threads, &err);
    if (status == RCR_OK)
        status = rcr_convert_out_open(&c->out, path, (rcr_target_format)c->to, c->errors_path, c->overwrite, &err);
    if (status != RCR_OK) return rcr_cli_error(&err);
    status = convert_all(c, args->positional, n, &err);
    return finish(c, status, &err);
}

/* ---- the command line */

/* The words of "--supercell 2 2 3" become "--supercell 2,2,3".  words [argc], joined: room for three numbers.  Gives
 * the number of words. */
static int join_supercell(char **words, char joined[64], int argc, char **argv) {
    int n = 0;
    for (int i = 0; i < argc; i++) {
        words[n++] = argv[i];
        if (strcmp(argv[i], "--supercell") != 0 || i + 3 >= argc) continue;
        int64_t number;
        int whole = 1;
        for (int k = 1; k <= 3 && whole; k++)
            whole = strlen(argv[i + k]) < 16 && rcr_parse_int64(&number, argv[i + k], strlen(argv[i + k]));
        if (!whole) continue;
        snprintf(joined, 64, "%s,%s,%s", argv[i + 1], argv[i + 2], argv[i + 3]);
        words[n++] = joined;
        i += 3;
    }
    return n;
}

static int same_folder(const char *a, const char *b) {
    struct stat p, q;
    return stat(a, &p) == 0 && stat(b, &q) == 0 && S_ISDIR(p.st_mode) && p.st_dev == q.st_dev && p.st_ino == q.st_ino;
}

/* 0, or the exit code of an error in the use. */
static int check_use(convert *c, const rcr_args *args) {
    if (args->n_positional < 2)
        return rcr_cli_usage_error("convert ", "%s given: recryst convert IN... OUT",
                                   args->n_positional == 0 ? "nothing" : "no output");
    const char *path = args->positional[args->n_positional - 1];
    if (c->primitive && c->conventional)
        return rcr_cli_usage_error("convert ", "--primitive and --conventional exclude each other");
    if (c->keep && !c->primitive && !c->conventional)
        return rcr_cli_usage_error("convert ", "--no-idealize goes with --primitive or --conventional");
    if (c->supercell.n != 0 && c->supercell.n != 3)
        return rcr_cli_usage_error("convert ", "--supercell takes three numbers, not %d", c->supercell.n);
    if (c->to == RCR_TO_AUTO) c->to = (int32_t)(rcr_convert_is_folder(path) ? RCR_TO_AUTO : rcr_format_of_output(path));
    if (c->to == RCR_TO_AUTO)
        return rcr_cli_usage_error(
            "convert ", "%s does not say which format to write: give --to cif, poscar, extxyz, json or jsonl", path);
    if (c->to == RCR_TO_JSONL && rcr_convert_is_folder(path)) c->to = RCR_TO_JSON;
    int n_stdin = 0;
    for (int i = 0; i + 1 < args->n_positional; i++) {
        n_stdin += strcmp(args->positional[i], "-") == 0;
        if (same_folder(args->positional[i], path))
            return rcr_cli_usage_error("convert ", "%s can't be read and written at once: give another folder", path);
    }
    if (n_stdin > 1) return rcr_cli_usage_error("convert ", "standard input can be given only once");
    c->format = c->to == RCR_TO_JSONL ? RCR_WRITE_JSON : (rcr_write_format)(c->to - RCR_TO_CIF);
    return 0;
}

int rcr_cmd_convert(int argc, char **argv) {
    convert c;
    memset(&c, 0, sizeof c);
    c.tolerance = RCR_SYMMETRY_TOLERANCE;
    rcr_arg table[] = {
        {.name = "to",
         .kind = RCR_ARG_CHOICE,
         .value_name = "auto|cif|poscar|extxyz|json|jsonl",
         .value = &c.to,
         .help = "format to write; auto tells it by OUT's name"},
        {.name = "primitive", .kind = RCR_ARG_FLAG, .value = &c.primitive, .help = "write the standard primitive cell"},
        {.name = "conventional",
         .kind = RCR_ARG_FLAG,
         .value = &c.conventional,
         .help = "write the standard conventional cell"},
        {.name = "symprec",
         .kind = RCR_ARG_DOUBLE,
         .value_name = "X",
         .value = &c.tolerance,
         .min = 1e-8,
         .max = 1,
         .help = "of these two: how far atoms may be from where the space group has them, angstrom"},
        {.name = "no-idealize",
         .kind = RCR_ARG_FLAG,
         .value = &c.keep,
         .help = "of these two: leave orientation and distances as they are"},
        {.name = "reduce", .kind = RCR_ARG_FLAG, .value = &c.reduce, .help = "write the Niggli-reduced cell"},
        {.name = "supercell",
         .kind = RCR_ARG_LIST,
         .value_name = "A B C",
         .value = &c.supercell,
         .min = 1,
         .max = 10000,
         .help = "repeat the cell (after the above) along its three axes"},
        {.name = "errors",
         .kind = RCR_ARG_TEXT,
         .value_name = "FILE",
         .value = &c.errors_path,
         .help = "write what can't be converted to this CSV file; otherwise errors.csv in a folder, or standard error"},
        {.name = "overwrite",
         .kind = RCR_ARG_FLAG,
         .value = &c.overwrite,
         .help = "of a folder: replace targets, structures and errors that it holds, where new ones have their names"},
        {.name = "strict", .kind = RCR_ARG_FLAG, .value = &c.strict, .help = "stop where an input can't be converted"},
        RCR_THREADS_ARG(c.threads),
        {.name = "quiet", .kind = RCR_ARG_FLAG, .value = &c.quiet, .help = "no progress and no summary"},
    };
    rcr_args args = {
        .command = "convert",
        .usage = "IN... OUT [options]",
        .description = "Write structures in another format. IN are structure files of any format that\n"
                       "recryst reads, with one or many structures, folders and archives of them, or\n"
                       "-, standard input. OUT is a file (.cif, .vasp, .extxyz, .json, .jsonl), or a\n"
                       "folder (an existing one, or with / at its end) that gets a file for each\n"
                       "structure, or -, standard output. Properties are kept where the format has a\n"
                       "place for them; of a folder, numbers in id_prop.csv.\n",
        .examples = "  recryst convert POSCAR NaCl.cif\n"
                    "  recryst convert data.db more/*.cif all.extxyz\n"
                    "  recryst convert frames.extxyz cifs/ --to cif --primitive\n"
                    "  recryst convert NaCl.cif POSCAR --conventional --supercell 2 2 3\n",
        .arg = table,
        .n_args = sizeof table / sizeof *table,
    };
    int code;
    char joined[64];
    char **words = rcr_calloc((size_t)argc + 1, sizeof *words);
    if (words == NULL) {
        rcr_error err;
        rcr_fail_memory(&err, "reading the command line");
        return rcr_cli_error(&err);
    }
    int n_words = join_supercell(words, joined, argc, argv);
    if (rcr_args_begin(&args, n_words, words, &code) && (code = check_use(&c, &args)) == 0) {
        code = run(&c, &args);
        rcr_pool_free(c.pool);
        rcr_free(c.item);
    }
    rcr_free(words);
    return code;
}
