#include "model/stream.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "io/extxyz.h"
#include "io/json_structure.h"
#include "io/reader.h"
#include "model/forecast.h"

/* Slabs for each thread: one at work and some that wait for a slower one before them. */
enum { SLABS_PER_THREAD = 6 };

/* Some consecutive structures on their way. */
typedef struct slot {
    rcr_slab slab;
    rcr_stream_row row[RCR_SLAB_ITEMS];
    double *value; /* [RCR_SLAB_ITEMS, W] of the rows */
    int ready;     /* guarded by order */
} slot;

typedef struct stream {
    const rcr_model *model;
    rcr_columns columns;
    const rcr_stream_options *options;
    rcr_stream_result *result;
    rcr_predictor **predictor; /* [n_threads] */
    rcr_splitter *splitter;    /* belongs to the thread that set is_reading */
    pthread_mutex_t order;     /* guards what follows, and slot.ready */
    pthread_cond_t changed;    /* a slab was given out, or read, or this is the end */
    int is_reading;            /* a thread waits for input.  It does so without a lock, so that the others can end. */
    int ended;
    uint64_t n_taken;   /* slabs read */
    uint64_t n_emitted; /* slabs given out */
    int giving_up;      /* emit wants no more, or error is set */
    rcr_error error;
    int n_slots;
    slot *slot; /* [n_slots]: slab k is at k mod n_slots */
} stream;

/* ---- one structure */

static void set_text(char *out, size_t size, const char *text, size_t length) {
    if (length > size - 1) length = rcr_whole_characters(text, size - 1);
    memcpy(out, text, length);
    out[length] = '\0';
}

static rcr_status read_frame(rcr_crystal **out, rcr_stream_row *row, const char *text, size_t length, long line,
                             size_t *consumed) {
    rcr_extxyz_info *info = NULL;
    size_t n_infos = 0;
    rcr_status status = rcr_extxyz_parse_all(out, &info, &n_infos, consumed, "", text, length, line, &row->error);
    const rcr_extxyz_info *own = rcr_extxyz_find_id(info, n_infos);
    if (own != NULL) set_text(row->id, sizeof row->id, own->value, own->value_length);
    rcr_free(info);
    return status;
}

static int has_more(rcr_reader *reader) {
    rcr_record record;
    int more = rcr_reader_next(reader, &record);
    rcr_record_release(&record);
    return more;
}

/* The one structure of the file whose name the line holds. */
static rcr_status read_file(rcr_crystal **out, rcr_stream_row *row, const char *text, size_t length) {
    while (length > 0 && rcr_is_space((unsigned char)text[length - 1])) length--;
    if (length >= sizeof row->file || memchr(text, '\0', length) != NULL) {
        set_text(row->file, sizeof row->file, text, length);
        return rcr_fail(&row->error, RCR_ERR_ARGUMENT, "the line is not a file's name");
    }
    set_text(row->file, sizeof row->file, text, length);
    char *id = rcr_structure_id(row->file);
    if (id == NULL) return rcr_fail_memory(&row->error, "reading a structure");
    set_text(row->id, sizeof row->id, id, strlen(id));
    rcr_free(id);
    rcr_reader *reader;
    rcr_record record;
    rcr_status status = rcr_reader_open(&reader, row->file, &row->error);
    if (status != RCR_OK) return status;
    if (!rcr_reader_read(reader, &record)) {
        status = rcr_fail(&row->error, RCR_ERR_DATA, "the file holds no structures");
    } else if (record.error.status != RCR_OK) {
        row->error = record.error;
        status = record.error.status;
    } else if (!record.alone && has_more(reader)) {
        status = rcr_fail(&row->error, RCR_ERR_UNSUPPORTED,
                          "the file has several structures, and a line of the stream stands for one: give the file "
                          "itself to predict, or its frames as the stream");
    } else {
        set_text(row->id, sizeof row->id, record.id, strlen(record.id));
        *out = record.crystal;
        record.crystal = NULL;
    }
    rcr_record_release(&record);
    rcr_reader_close(reader);
    return status;
}

/* Text to graph; what fails is kept in row->error. */
static void prepare(rcr_graph **graph, rcr_stream_row *row, const stream *s, rcr_stream_format format,
                    const rcr_slab *slab, const rcr_slab_item *item) {
    const char *text = slab->text + item->at;
    rcr_crystal *crystal = NULL;
    rcr_error *err = &row->error;
    size_t consumed;
    rcr_status status;
    *err = (rcr_error){.status = RCR_OK};
    row->domain[0] = '\0';
    rcr_fit(row->id, sizeof row->id, "%.200s-%llu", s->options->name, (unsigned long long)item->number);
    set_text(row->file, sizeof row->file, s->options->name, strlen(s->options->name));
    if (item->too_long) {
        status = rcr_fail_at(err, RCR_ERR_LIMIT, "", item->line, "the structure has more than %zu bytes",
                             RCR_SPLITTER_MAX_BYTES);
    } else if (format == RCR_STREAM_EXTXYZ) {
        status = read_frame(&crystal, row, text, item->length, item->line, &consumed);
    } else if (format == RCR_STREAM_JSONL) {
        status = rcr_json_structure_parse(&crystal, text, item->length, item->line, err);
        if (status == RCR_OK && crystal->id[0] != '\0')
            set_text(row->id, sizeof row->id, crystal->id, strlen(crystal->id));
    } else {
        status = read_file(&crystal, row, text, item->length);
    }
    if (status == RCR_OK) status = rcr_graph_build(graph, crystal, &s->model->graph, err);
    rcr_crystal_free(crystal);
    if (status == RCR_OK && (status = rcr_model_check_graph(s->model, *graph, err)) != RCR_OK) {
        rcr_graph_free(*graph);
        *graph = NULL;
    }
    if (status == RCR_OK) return;
    err->status = status;
    if (err->line == 0 && format != RCR_STREAM_FILES) err->line = item->line;
    rcr_error_set_file(err, row->file);
}

/* ---- a slab */

static rcr_status describe_domain(rcr_stream_row *row, const stream *s, const rcr_graph *graph, rcr_error *err) {
    rcr_text text = {0};
    if (s->model->domain == NULL) return RCR_OK;
    rcr_domain_describe(&text, s->model->domain, graph, s->columns.distance > 0 ? row->value[s->columns.distance] : 0);
    rcr_status status = text.failed ? rcr_fail_memory(err, "predicting a stream") : RCR_OK;
    if (status == RCR_OK) set_text(row->domain, sizeof row->domain, text.data, text.length);
    rcr_text_free(&text);
    return status;
}

static rcr_status run_slab(slot *at, const stream *s, rcr_stream_format format, rcr_predictor *predictor,
                           rcr_error *err) {
    rcr_graph *graph[RCR_SLAB_ITEMS] = {NULL};
    const rcr_graph *usable[RCR_SLAB_ITEMS];
    size_t n = at->slab.n, n_usable = 0, next = 0, W = s->columns.n;
    double *value = rcr_malloc(n * W, sizeof *value);
    rcr_status status = value != NULL ? RCR_OK : rcr_fail_memory(err, "predicting a stream");
    for (size_t i = 0; i < n && status == RCR_OK; i++) {
        at->row[i].value = at->value + i * W;
        for (size_t k = 0; k < W; k++) at->row[i].value[k] = NAN;
        prepare(&graph[i], &at->row[i], s, format, &at->slab, &at->slab.item[i]);
        if (graph[i] != NULL) usable[n_usable++] = graph[i];
        if (at->row[i].error.status == RCR_ERR_MEMORY) status = rcr_fail_memory(err, "reading a structure");
    }
    if (status == RCR_OK) status = rcr_predictor_forecast(value, predictor, usable, n_usable, err);
    for (size_t i = 0; i < n && status == RCR_OK; i++) {
        rcr_stream_row *row = &at->row[i];
        if (graph[i] == NULL) continue;
        memcpy(row->value, value + next++ * W, W * sizeof *value);
        status = describe_domain(row, s, graph[i], err);
        if (!rcr_forecast_is_finite(&s->columns, row->value))
            rcr_fail_at(&row->error, RCR_ERR_NUMERIC, row->file, at->slab.item[i].line,
                        "the prediction is not a number");
    }
    for (size_t i = 0; i < n; i++) rcr_graph_free(graph[i]);
    rcr_free(value);
    return status;
}

/* No more is wanted.  Holds order. */
static void end(stream *s) {
    s->giving_up = 1;
    rcr_splitter_halt(s->splitter);
    pthread_cond_broadcast(&s->changed);
}

static void give_up(stream *s, const rcr_error *err) {
    pthread_mutex_lock(&s->order);
    if (s->error.status == RCR_OK) s->error = *err;
    end(s);
    pthread_mutex_unlock(&s->order);
}

/* Wait until it is this thread's turn to read and there is a slot for it; 0 at the end.  Holds order. */
static int may_read(stream *s) {
    while (!s->ended && !s->giving_up && (s->is_reading || s->n_taken - s->n_emitted >= (uint64_t)s->n_slots))
        pthread_cond_wait(&s->changed, &s->order);
    return !s->ended && !s->giving_up;
}

/* Read the next slab into its slot, once that is free; NULL at the end.  *k is the slab's number. */
static slot *take_slab(stream *s, uint64_t *k, rcr_stream_format *format) {
    slot *at = NULL;
    pthread_mutex_lock(&s->order);
    if (may_read(s)) {
        rcr_error err;
        at = &s->slot[s->n_taken % (uint64_t)s->n_slots];
        s->is_reading = 1;
        pthread_mutex_unlock(&s->order);
        rcr_status status = rcr_splitter_next(&at->slab, s->splitter, &err);
        *format = rcr_splitter_format(s->splitter);
        if (status != RCR_OK) rcr_error_set_file(&err, s->options->name);
        pthread_mutex_lock(&s->order);
        s->is_reading = 0;
        /* What was read before is still given out. */
        if (status != RCR_OK && s->error.status == RCR_OK) s->error = err;
        if (status != RCR_OK || at->slab.n == 0) {
            s->ended = 1;
            at = NULL;
        } else {
            *k = s->n_taken++;
        }
        pthread_cond_broadcast(&s->changed);
    }
    pthread_mutex_unlock(&s->order);
    return at;
}

/* The slab is done: give out all that is next in order. */
static void put_slab(stream *s, slot *done) {
    pthread_mutex_lock(&s->order);
    done->ready = 1;
    for (;;) {
        slot *next = &s->slot[s->n_emitted % (uint64_t)s->n_slots];
        if (!next->ready || s->giving_up) break;
        s->result->n_rows += next->slab.n;
        if (!s->options->emit(s->options->context, next->row, next->slab.n)) end(s);
        next->ready = 0;
        s->n_emitted++;
        pthread_cond_broadcast(&s->changed);
    }
    pthread_mutex_unlock(&s->order);
}

static void run_thread(void *job, int index, int worker) {
    (void)index;
    stream *s = job;
    uint64_t k;
    rcr_stream_format format;
    for (slot *at; (at = take_slab(s, &k, &format)) != NULL;) {
        rcr_error err;
        if (run_slab(at, s, format, s->predictor[worker], &err) != RCR_OK) {
            give_up(s, &err);
            return;
        }
        put_slab(s, at);
    }
}

static rcr_status start(stream *s, const rcr_net *net, int n_threads, rcr_error *err) {
    s->n_slots = SLABS_PER_THREAD * n_threads;
    s->slot = rcr_calloc((size_t)s->n_slots, sizeof *s->slot);
    s->predictor = rcr_calloc((size_t)n_threads, sizeof *s->predictor);
    if (s->slot == NULL || s->predictor == NULL) return rcr_fail_memory(err, "predicting a stream");
    rcr_status status = rcr_splitter_create(&s->splitter, s->options->fd, s->options->format, s->options->stop, err);
    for (int i = 0; i < n_threads && status == RCR_OK; i++)
        status = rcr_predictor_create(&s->predictor[i], net, s->model, err);
    for (int i = 0; i < s->n_slots && status == RCR_OK; i++) {
        s->slot[i].value = rcr_malloc(RCR_SLAB_ITEMS * s->columns.n, sizeof *s->slot[i].value);
        if (s->slot[i].value == NULL) status = rcr_fail_memory(err, "predicting a stream");
    }
    if (status == RCR_OK) status = rcr_splitter_skip(&s->result->n_skipped, s->splitter, s->options->skip, err);
    if (status != RCR_OK) rcr_error_set_file(err, s->options->name);
    return status;
}

rcr_status rcr_stream_predict(rcr_stream_result *result, const rcr_net *net, const rcr_model *model, rcr_pool *pool,
                              const rcr_stream_options *options, rcr_error *err) {
    rcr_error own;
    if (err == NULL) err = &own;
    int n_threads = rcr_pool_size(pool);
    stream s = {.model = model, .columns = rcr_model_columns(model), .options = options, .result = result};
    *result = (rcr_stream_result){0};
    pthread_mutex_init(&s.order, NULL);
    pthread_cond_init(&s.changed, NULL);
    rcr_status status = start(&s, net, n_threads, err);
    if (status == RCR_OK) {
        rcr_pool_run(pool, n_threads, run_thread, &s);
        result->malformed = rcr_splitter_malformed(s.splitter);
        status = s.error.status;
        if (status != RCR_OK) *err = s.error;
    }
    for (int i = 0; i < n_threads && s.predictor != NULL; i++) rcr_predictor_free(s.predictor[i]);
    for (int i = 0; i < s.n_slots && s.slot != NULL; i++) {
        rcr_slab_release(&s.slot[i].slab);
        rcr_free(s.slot[i].value);
    }
    rcr_free(s.predictor);
    rcr_free(s.slot);
    rcr_splitter_free(s.splitter);
    pthread_cond_destroy(&s.changed);
    pthread_mutex_destroy(&s.order);
    return status;
}
