#include "base/status.h"

#include <stdarg.h>

#include "base/format.h"

const char *rcr_version(void) { return RCR_VERSION; }

const char *rcr_status_name(rcr_status status) {
    switch (status) {
    case RCR_OK: return "ok";
    case RCR_ERR_ARGUMENT: return "bad argument";
    case RCR_ERR_MEMORY: return "out of memory";
    case RCR_ERR_IO: return "input/output error";
    case RCR_ERR_PARSE: return "parse error";
    case RCR_ERR_UNSUPPORTED: return "not supported";
    case RCR_ERR_DATA: return "unusable data";
    case RCR_ERR_MISMATCH: return "mismatch";
    case RCR_ERR_NUMERIC: return "numerical failure";
    case RCR_ERR_LIMIT: return "limit exceeded";
    case RCR_ERR_INTERRUPTED: return "interrupted";
    }
    return "unknown status";
}

static rcr_status fail_v(rcr_error *err, rcr_status status, const char *file, long line, const char *format,
                         va_list args) {
    if (err != NULL) {
        err->status = status;
        err->line = line;
        rcr_fit(err->file, sizeof err->file, "%s", file);
        rcr_vfit(err->message, sizeof err->message, format, args);
    }
    return status;
}

rcr_status rcr_fail(rcr_error *err, rcr_status status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fail_v(err, status, "", 0, format, args);
    va_end(args);
    return status;
}

rcr_status rcr_fail_at(rcr_error *err, rcr_status status, const char *file, long line, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fail_v(err, status, file, line, format, args);
    va_end(args);
    return status;
}

rcr_status rcr_fail_memory(rcr_error *err, const char *what) {
    return rcr_fail(err, RCR_ERR_MEMORY, "out of memory while %s", what);
}

void rcr_error_set_file(rcr_error *err, const char *file) {
    if (err != NULL && err->file[0] == '\0') rcr_fit(err->file, sizeof err->file, "%s", file);
}

void rcr_error_format(char *text, size_t size, const rcr_error *err) {
    if (err->file[0] != '\0' && err->line > 0)
        rcr_fit(text, size, "%s:%ld: %s", err->file, err->line, err->message);
    else if (err->file[0] != '\0')
        rcr_fit(text, size, "%s: %s", err->file, err->message);
    else
        rcr_fit(text, size, "%s", err->message);
}
