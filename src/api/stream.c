/* The inputs of a prediction, part by part. */
#include <string.h>

#include "api/inputs.h"
#include "api/session.h"
#include "base/floating.h"
#include "base/mem.h"
#include "base/status.h"

/* As the command predicts them. */
enum { CHUNK_INPUTS = 1024, CHUNK_BYTES = 32 << 20 };

struct rcr_stream {
    rcr_session *session;
    char **path; /* [n_paths] */
    size_t n_paths;
    rcr_inputs *inputs;
    rcr_input input[CHUNK_INPUTS];
    size_t n;
    const char *id[CHUNK_INPUTS], *file[CHUNK_INPUTS];
    const rcr_graph *graph[CHUNK_INPUTS];
    rcr_error *error; /* [CHUNK_INPUTS] */
};

static void release_chunk(rcr_stream *stream) {
    for (size_t i = 0; i < stream->n; i++) rcr_input_release(&stream->input[i]);
    stream->n = 0;
}

void rcr_stream_close(rcr_stream *stream) {
    if (stream == NULL) return;
    release_chunk(stream);
    rcr_inputs_close(stream->inputs);
    for (size_t i = 0; stream->path != NULL && i < stream->n_paths; i++) rcr_free(stream->path[i]);
    rcr_free(stream->path);
    rcr_free(stream->error);
    rcr_free(stream);
}

rcr_status rcr_stream_open(rcr_stream **out, rcr_session *session, const char *const *paths, size_t n_paths,
                           rcr_error *err) {
    RCR_OWN_FLOATING;
    rcr_stream *stream = rcr_calloc(1, sizeof *stream);
    if (stream == NULL) return rcr_fail_memory(err, "reading the inputs");
    stream->session = session;
    stream->n_paths = n_paths;
    stream->path = rcr_calloc(n_paths, sizeof *stream->path);
    stream->error = rcr_calloc(CHUNK_INPUTS, sizeof *stream->error);
    int complete = stream->path != NULL && stream->error != NULL;
    for (size_t i = 0; i < n_paths && complete; i++) complete = (stream->path[i] = rcr_strdup(paths[i])) != NULL;
    rcr_status status = complete ? RCR_OK : rcr_fail_memory(err, "reading the inputs");
    if (status == RCR_OK)
        status = rcr_inputs_open(&stream->inputs, stream->path, n_paths, session->model, session->pool, err);
    if (status != RCR_OK) {
        rcr_stream_close(stream);
        return status;
    }
    *out = stream;
    return RCR_OK;
}

static void prepare_piece(void *job, int index, int worker) {
    (void)worker;
    rcr_stream *stream = job;
    rcr_input_prepare(&stream->input[index], stream->session->model);
}

rcr_status rcr_stream_next(rcr_chunk *out, rcr_stream *stream, rcr_error *err) {
    RCR_OWN_FLOATING;
    size_t bytes = 0;
    release_chunk(stream);
    for (; stream->n < CHUNK_INPUTS && bytes < CHUNK_BYTES; stream->n++) {
        if (!rcr_inputs_next(stream->inputs, &stream->input[stream->n])) break;
        bytes += rcr_record_bytes(&stream->input[stream->n].record);
    }
    rcr_pool_run(stream->session->pool, (int)stream->n, prepare_piece, stream);
    for (size_t i = 0; i < stream->n; i++) {
        const rcr_input *input = &stream->input[i];
        if (input->error.status == RCR_ERR_MEMORY) return rcr_fail_memory(err, "reading a chunk of inputs");
        stream->id[i] = input->id != NULL ? input->id : "";
        stream->file[i] = input->file != NULL ? input->file : "";
        stream->graph[i] = input->graph;
        stream->error[i] = input->error;
    }
    *out = (rcr_chunk){stream->n, stream->id, stream->file, stream->graph, stream->error};
    return RCR_OK;
}
