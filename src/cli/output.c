#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/format.h"
#include "cli/cli.h"

/* A file's name or content must not be able to drive the terminal. */
static void clean(char *text, size_t n, int lines) {
    for (size_t i = 0; i < n; i++)
        if (((unsigned char)text[i] < 0x20 && !(lines && text[i] == '\n')) || text[i] == 0x7f) text[i] = '?';
}

void rcr_cli_clean(rcr_text *text, size_t from) {
    if (text->length > from) clean(text->data + from, text->length - from, 1);
}

void rcr_cli_put_name(rcr_text *out, const char *name) {
    size_t from = out->length;
    rcr_text_puts(out, name);
    if (out->length > from) clean(out->data + from, out->length - from, 0);
}

/* Print text as one line on standard error. */
static void print_line(const char *lead, const char *text) {
    char line[2048];
    size_t n = (size_t)snprintf(line, sizeof line, "%s%s", lead, text);
    if (n > sizeof line - 2) n = sizeof line - 2;
    clean(line, n, 0);
    line[n] = '\n';
    fwrite(line, 1, n + 1, stderr); /* in one piece, so that lines of several processes stay whole */
}

static int exit_code_of(rcr_status status) {
    switch (status) {
    case RCR_OK: return RCR_EXIT_OK;
    case RCR_ERR_ARGUMENT: return RCR_EXIT_USAGE;
    case RCR_ERR_INTERRUPTED: return RCR_EXIT_INTERRUPTED;
    case RCR_ERR_NUMERIC: return RCR_EXIT_NUMERIC;
    default: return RCR_EXIT_FAILED;
    }
}

int rcr_cli_error(const rcr_error *err) {
    if (err->message[0] == '\0' && err->status == RCR_ERR_IO) return RCR_EXIT_FAILED; /* a closed pipe */
    char text[sizeof err->file + sizeof err->message + 64];
    rcr_error_format(text, sizeof text, err);
    print_line("recryst: error: ", text);
    return exit_code_of(err->status);
}

static void print_formatted(const char *lead, const char *format, va_list args) {
    char text[1024];
    rcr_vfit(text, sizeof text, format, args);
    print_line(lead, text);
}

int rcr_cli_usage_error(const char *command, const char *format, ...) {
    va_list args;
    va_start(args, format);
    print_formatted("recryst: error: ", format, args);
    va_end(args);
    rcr_cli_hint("see 'recryst %s--help'", command);
    return RCR_EXIT_USAGE;
}

void rcr_cli_hint(const char *format, ...) {
    va_list args;
    va_start(args, format);
    print_formatted("recryst: ", format, args);
    va_end(args);
}

void rcr_cli_note(const char *format, ...) {
    va_list args;
    va_start(args, format);
    print_formatted("recryst: note: ", format, args);
    va_end(args);
}

/* ---- standard output and files */

rcr_status rcr_output_open(rcr_output *out, const char *path, rcr_error *err) {
    rcr_writer *writer = NULL;
    if (path != NULL && strcmp(path, "-") != 0 && rcr_path_descriptor(path) != STDOUT_FILENO) {
        rcr_status status = rcr_writer_open(&writer, path, err);
        if (status != RCR_OK) return status;
    }
    *out = (rcr_output){.writer = writer};
    return RCR_OK;
}

rcr_status rcr_output_open_at(rcr_output *out, const char *path, uint64_t keep, rcr_error *err) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666), code = fd < 0 ? errno : 0;
    if (code == 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) code = errno;
    if (code == 0 && ftruncate(fd, (off_t)keep) != 0) code = errno;
    if (code == 0 && lseek(fd, (off_t)keep, SEEK_SET) < 0) code = errno;
    rcr_status status = code == 0 ? rcr_sync_name(path, err) : RCR_OK;
    if (status != RCR_OK) {
        close(fd);
        return status;
    }
    FILE *file = code == 0 ? fdopen(fd, "w") : NULL;
    if (file != NULL) {
        *out = (rcr_output){.file = file, .path = path};
        return RCR_OK;
    }
    if (code == 0) code = errno;
    if (fd >= 0) close(fd);
    if (code == EWOULDBLOCK) return rcr_fail_at(err, RCR_ERR_IO, path, 0, "another process is writing it");
    return rcr_fail_at(err, RCR_ERR_IO, path, 0, "can't write: %s", strerror(code));
}

void rcr_output_flush(rcr_output *out) {
    if (out->writer != NULL || out->failure != 0) return;
    errno = 0;
    if (fflush(out->file != NULL ? out->file : stdout) != 0) out->failure = errno != 0 ? errno : EIO;
}

void rcr_output_write(rcr_output *out, rcr_text *text) {
    if (text->failed) {
        if (out->failure == 0) out->failure = ENOMEM;
    } else if (out->writer != NULL) {
        rcr_writer_write(out->writer, text->data, text->length);
    } else if (out->failure == 0 && text->length > 0) {
        errno = 0;
        FILE *file = out->file != NULL ? out->file : stdout;
        if (fwrite(text->data, 1, text->length, file) != text->length) out->failure = errno != 0 ? errno : EIO;
    }
    text->length = 0;
}

int rcr_output_failed(const rcr_output *out) { return out->failure != 0; }

rcr_status rcr_output_close(rcr_output *out, rcr_error *err) {
    if (out->failure == ENOMEM) {
        rcr_output_abort(out);
        return rcr_fail_memory(err, "writing the output");
    }
    if (out->writer != NULL) {
        rcr_writer *writer = out->writer;
        out->writer = NULL;
        return rcr_writer_commit(writer, err);
    }
    rcr_output_flush(out);
    if (out->file != NULL) {
        errno = 0;
        if (out->failure == 0 && fsync(fileno(out->file)) != 0 && errno != EINVAL) out->failure = errno;
        if (fclose(out->file) != 0 && out->failure == 0 && errno != EINTR) out->failure = errno;
        out->file = NULL;
        if (out->failure == 0) return RCR_OK;
        return rcr_fail_at(err, RCR_ERR_IO, out->path, 0, "can't write: %s", strerror(out->failure));
    }
    if (out->failure == EPIPE) return rcr_fail(err, RCR_ERR_IO, "%s", "");
    if (out->failure != 0)
        return rcr_fail(err, RCR_ERR_IO, "can't write to standard output: %s", strerror(out->failure));
    return RCR_OK;
}

void rcr_output_abort(rcr_output *out) {
    rcr_writer_abort(out->writer);
    out->writer = NULL;
    if (out->file != NULL) fclose(out->file);
    out->file = NULL;
}

int rcr_cli_print(const rcr_text *text) {
    rcr_output out = {0};
    rcr_text copy = *text;
    rcr_error err;
    rcr_output_write(&out, &copy);
    return rcr_output_close(&out, &err) == RCR_OK ? RCR_EXIT_OK : rcr_cli_error(&err);
}

int rcr_cli_show(rcr_text *text) {
    rcr_cli_clean(text, 0);
    return rcr_cli_print(text);
}

void rcr_cli_guard_streams(void) {
    /* Read-only for output too: a write then fails, as it would have on the closed descriptor. */
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF) (void)!open("/dev/null", fd == 2 ? O_WRONLY : O_RDONLY);
}
