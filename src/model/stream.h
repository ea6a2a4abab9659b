/* Predicting a stream of structures: reading, parsing, graphs and the network overlap on all threads of a pool, rows
 * come out in the order of the stream, and memory does not grow with its length. */
#ifndef RCR_MODEL_STREAM_H
#define RCR_MODEL_STREAM_H

#include "io/splitter.h"
#include "model/net.h"

/* One structure's result. */
typedef struct rcr_stream_row {
    char id[512];     /* its own, else NAME-NUMBER, or of a file its name without folders and ending */
    char file[1024];  /* the stream's name, or the file's */
    double *value;    /* [W] as of rcr_model_columns; NaN where it can't be used */
    char domain[512]; /* rcr_domain_describe's, as much as fits; "" where the model has no domain or the error is one */
    rcr_error error;  /* status RCR_OK, or why not */
} rcr_stream_row;

/* Rows of consecutive structures, in order; never called by two threads at once.  0: end the stream here. */
typedef int rcr_stream_emit(void *context, const rcr_stream_row *row, size_t n);

typedef struct rcr_stream_options {
    int fd;                   /* where the stream is read from */
    const char *name;         /* what it is called in rows and messages */
    rcr_stream_format format; /* RCR_STREAM_AUTO: told by the first line */
    uint64_t skip;            /* structures at the start that are passed over */
    const atomic_int *stop;   /* not 0: read no more, finish what has been read.  May be NULL */
    rcr_stream_emit *emit;
    void *context;
} rcr_stream_options;

typedef struct rcr_stream_result {
    uint64_t n_skipped; /* less than asked for: the stream is shorter */
    uint64_t n_rows;    /* given to emit */
    int malformed;      /* 1: given up at a structure whose end can't be told; it was the last row */
} rcr_stream_result;

/* Threads take turns at reading: one reads the next few structures, then turns them into rows while the next one reads,
 * and rows wait for those before them in a ring of limited length.  *result is set in every case; an interrupted stream
 * is no error.  Errors: RCR_ERR_IO (the stream can't be read), RCR_ERR_UNSUPPORTED (it is a CIF), RCR_ERR_MEMORY. */
rcr_status rcr_stream_predict(rcr_stream_result *result, const rcr_net *net, const rcr_model *model, rcr_pool *pool,
                              const rcr_stream_options *options, rcr_error *err);

#endif
