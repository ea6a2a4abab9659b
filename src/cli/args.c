#include "cli/args.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/output.h"

enum { MAX_ARGS = 128, MAX_WORD = 64, HELP_WIDTH = 80, HELP_INDENT = 30 };

/* ---- words that are nearly another */

static int least(int a, int b, int c) {
    int m = a < b ? a : b;
    return m < c ? m : c;
}

static int word_distance(const char *a, const char *b) {
    size_t n = strlen(a), m = strlen(b);
    if (n > MAX_WORD || m > MAX_WORD) return MAX_WORD;
    int row[3][MAX_WORD + 1];
    for (size_t j = 0; j <= m; j++) row[0][j] = (int)j;
    int *before = row[2], *last = row[0], *now = row[1];
    for (size_t i = 1; i <= n; i++) {
        now[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int same = rcr_ascii_lower((unsigned char)a[i - 1]) == rcr_ascii_lower((unsigned char)b[j - 1]);
            now[j] = least(last[j] + 1, now[j - 1] + 1, last[j - 1] + !same);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
        int *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[m];
}

const char *rcr_nearest_word(const char *word, const char *const *words) {
    const char *best = NULL;
    int allowed = 1 + (int)(strlen(word) / 4), best_distance = allowed + 1;
    for (size_t i = 0; words[i] != NULL; i++) {
        int distance = word_distance(word, words[i]);
        if (distance < best_distance) {
            best = words[i];
            best_distance = distance;
        }
    }
    if (best != NULL) return best;
    /* The beginning of a single word: an abbreviation. */
    for (size_t i = 0; strlen(word) >= 3 && words[i] != NULL; i++) {
        if (strncmp(word, words[i], strlen(word)) != 0) continue;
        if (best != NULL) return NULL;
        best = words[i];
    }
    return best;
}

/* ---- values */

static const char *range_text(char *buffer, size_t size, const rcr_arg *arg) {
    char low[32], high[32];
    rcr_format_double(low, arg->min);
    rcr_format_double(high, arg->max);
    if (arg->above_min)
        snprintf(buffer, size, "above %s and at most %s", low, high);
    else
        snprintf(buffer, size, "from %s to %s", low, high);
    return buffer;
}

static int in_range(const rcr_arg *arg, double value) {
    /* Written so that a NaN is outside. */
    return (arg->above_min ? value > arg->min : value >= arg->min) && value <= arg->max;
}

static rcr_status fail_value(rcr_error *err, const rcr_arg *arg, const char *what, const char *text) {
    char range[96];
    return rcr_fail(err, RCR_ERR_ARGUMENT, "--%s takes %s %s, not '%s'", arg->name, what,
                    range_text(range, sizeof range, arg), text);
}

static rcr_status parse_integer(int64_t *out, const rcr_arg *arg, const char *text, size_t length, rcr_error *err) {
    int64_t value;
    if (!rcr_parse_int64(&value, text, length) || !in_range(arg, (double)value))
        return fail_value(err, arg, "a whole number", text);
    *out = value;
    return RCR_OK;
}

/* What a list is, by its name in the help: "N,N,...", or "A B C", which may be given with commas, too. */
static rcr_status fail_list(rcr_error *err, const rcr_arg *arg, const char *text) {
    if (strchr(arg->value_name, ' ') == NULL)
        return fail_value(err, arg, "whole numbers with commas between, such as 100,200,", text);
    char what[64];
    snprintf(what, sizeof what, "the whole numbers %s", arg->value_name);
    return fail_value(err, arg, what, text);
}

static rcr_status parse_list(const rcr_arg *arg, const char *text, rcr_error *err) {
    rcr_arg_list list = {0};
    for (const char *p = text; *p != '\0';) {
        size_t length = strcspn(p, ",");
        int64_t value;
        if (list.n == RCR_ARG_LIST_MAX)
            return rcr_fail(err, RCR_ERR_ARGUMENT, "--%s takes at most %d numbers", arg->name, (int)RCR_ARG_LIST_MAX);
        if (!rcr_parse_int64(&value, p, length) || !in_range(arg, (double)value)) return fail_list(err, arg, text);
        list.item[list.n++] = (int32_t)value;
        p += length;
        if (*p == ',' && *++p == '\0') return fail_list(err, arg, text);
    }
    *(rcr_arg_list *)arg->value = list;
    return RCR_OK;
}

/* The length of the word of a choice that starts here, and the start of the next one. */
static const char *next_word(const char *words, size_t *length) {
    *length = strcspn(words, "|");
    return words[*length] == '|' ? words + *length + 1 : NULL;
}

static rcr_status parse_choice(const rcr_arg *arg, const char *text, rcr_error *err) {
    int32_t index = 0;
    for (const char *word = arg->value_name; word != NULL; index++) {
        size_t length;
        const char *next = next_word(word, &length);
        if (rcr_equals_ignore_case(word, length, text)) {
            *(int32_t *)arg->value = index;
            return RCR_OK;
        }
        word = next;
    }
    return rcr_fail(err, RCR_ERR_ARGUMENT, "--%s takes one of %s, not '%s'", arg->name, arg->value_name, text);
}

static rcr_status parse_flag(const rcr_arg *arg, const char *text, rcr_error *err) {
    int truth = text == NULL || strcmp(text, "true") == 0;
    if (!truth && strcmp(text, "false") != 0)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "--%s takes no value, or =true or =false, not '%s'", arg->name, text);
    *(int32_t *)arg->value = truth;
    return RCR_OK;
}

static rcr_status parse_text(const char **out, const rcr_arg *arg, const char *text, rcr_error *err) {
    if (text[0] == '\0') return rcr_fail(err, RCR_ERR_ARGUMENT, "--%s takes a text that is not empty", arg->name);
    *out = text;
    return RCR_OK;
}

static rcr_status add_text(const rcr_arg *arg, const char *text, rcr_error *err) {
    rcr_arg_texts *texts = arg->value;
    if (texts->n == RCR_ARG_TEXTS_MAX)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "--%s can be given %d times at most", arg->name, (int)RCR_ARG_TEXTS_MAX);
    rcr_status status = parse_text(&texts->item[texts->n], arg, text, err);
    texts->n += status == RCR_OK;
    return status;
}

static rcr_status parse_value(const rcr_arg *arg, const char *text, rcr_error *err) {
    int64_t whole = 0;
    rcr_status status = RCR_OK;
    switch (arg->kind) {
    case RCR_ARG_HEADING: break;
    case RCR_ARG_FLAG: status = parse_flag(arg, text, err); break;
    case RCR_ARG_INT32:
        status = parse_integer(&whole, arg, text, strlen(text), err);
        if (status == RCR_OK) *(int32_t *)arg->value = (int32_t)whole;
        break;
    case RCR_ARG_INT64:
        status = parse_integer(&whole, arg, text, strlen(text), err);
        if (status == RCR_OK) *(int64_t *)arg->value = whole;
        break;
    case RCR_ARG_UINT64:
        if (!rcr_parse_int64(&whole, text, strlen(text)) || whole < 0)
            return rcr_fail(err, RCR_ERR_ARGUMENT, "--%s takes a whole number from 0 to 2^63-1, not '%s'", arg->name,
                            text);
        *(uint64_t *)arg->value = (uint64_t)whole;
        break;
    case RCR_ARG_DOUBLE: {
        double value;
        if (!rcr_parse_double(&value, text, strlen(text)) || !in_range(arg, value))
            return fail_value(err, arg, "a number", text);
        *(double *)arg->value = value;
        break;
    }
    case RCR_ARG_TEXT: status = parse_text(arg->value, arg, text, err); break;
    case RCR_ARG_TEXTS: status = add_text(arg, text, err); break;
    case RCR_ARG_CHOICE: status = parse_choice(arg, text, err); break;
    case RCR_ARG_LIST: status = parse_list(arg, text, err); break;
    }
    return status;
}

/* ---- parsing */

rcr_status rcr_arg_set(rcr_arg *arg, const char *text, int given, rcr_error *err) {
    rcr_status status = parse_value(arg, text, err);
    if (status == RCR_OK) arg->given = given;
    return status;
}

int rcr_args_asked(const rcr_args *args, const char *name, const char *decider) {
    int given = rcr_args_find(args, name)->given;
    if (given == RCR_GIVEN_FILE) return rcr_args_find(args, decider)->given != RCR_GIVEN_LINE;
    return given == RCR_GIVEN_LINE;
}

const rcr_arg *rcr_args_find(const rcr_args *args, const char *name) {
    for (size_t i = 0; i < args->n_args; i++)
        if (args->arg[i].name != NULL && strcmp(args->arg[i].name, name) == 0) return &args->arg[i];
    return NULL;
}

static rcr_status fail_unknown(rcr_error *err, const rcr_args *args, const char *option) {
    const char *names[MAX_ARGS + 2];
    char name[MAX_WORD + 1];
    size_t n = 0;
    for (size_t i = 0; i < args->n_args; i++)
        if (args->arg[i].name != NULL && args->arg[i].place != RCR_ARG_FILE_ONLY) names[n++] = args->arg[i].name;
    names[n++] = "help";
    names[n] = NULL;
    const char *dashless = option + strspn(option, "-");
    snprintf(name, sizeof name, "%.*s", (int)strcspn(dashless, "="), dashless);
    /* Without its value, which may be somebody's key. */
    int length = (int)strcspn(option, "=");
    const char *near = rcr_nearest_word(name, names);
    if (near != NULL)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "unknown option '%.*s'; did you mean '--%s'?", length, option, near);
    return rcr_fail(err, RCR_ERR_ARGUMENT, "unknown option '%.*s'", length, option);
}

/* getopt_long takes abbreviations; a script that uses one would break when a longer name is added. */
static int is_whole_name(const char *written, const char *name) {
    size_t length = strlen(name);
    return strncmp(written, "--", 2) == 0 && strncmp(written + 2, name, length) == 0 &&
           (written[2 + length] == '\0' || written[2 + length] == '=');
}

/* What getopt_long does not know: the word before optind, but for one of several letters behind one dash, which it is
 * still at.  'h' it knows, and gives where --help, perhaps cut short, has a value. */
static const char *unknown_word(int argc, char **argv) {
    const char letter[] = {'-', (char)optopt, '\0'};
    int still_at = optopt != 0 && optopt != 'h' && strcmp(argv[optind - 1], letter) != 0;
    return argv[still_at && optind < argc ? optind : optind - 1];
}

rcr_status rcr_args_parse(rcr_args *args, int argc, char **argv, rcr_error *err) {
    struct option option[MAX_ARGS + 2];
    size_t index_of[MAX_ARGS + 2], n = 0;
    if (args->n_args > MAX_ARGS) return rcr_fail(err, RCR_ERR_LIMIT, "too many options in the table");
    for (size_t i = 0; i < args->n_args; i++) {
        const rcr_arg *arg = &args->arg[i];
        if (arg->kind == RCR_ARG_HEADING || arg->place == RCR_ARG_FILE_ONLY) continue;
        int takes = arg->kind == RCR_ARG_FLAG ? optional_argument : required_argument;
        option[n] = (struct option){arg->name, takes, NULL, 0};
        index_of[n++] = i;
    }
    option[n] = (struct option){"help", no_argument, NULL, 'h'};
    option[n + 1] = (struct option){NULL, 0, NULL, 0};
    opterr = 0;
    optind = 0; /* start afresh, whatever was read before */
    /* With it the first word that is no option ends them: what was meant as one would become an input. */
    unsetenv("POSIXLY_CORRECT");
    for (;;) {
        int longindex = -1;
        int code = getopt_long(argc, argv, ":h", option, &longindex);
        if (code == -1) break;
        const char *last = argv[optind - 1];
        if (code == 'h') {
            if (longindex >= 0 && !is_whole_name(last, "help")) return fail_unknown(err, args, last);
            args->help = 1;
            return RCR_OK;
        }
        if (code == ':') {
            const char *name = last + strspn(last, "-");
            const rcr_arg *arg = rcr_args_find(args, name);
            if (arg == NULL) return fail_unknown(err, args, last);
            return rcr_fail(err, RCR_ERR_ARGUMENT, "--%s needs a value: --%s %s", name, name, arg->value_name);
        }
        if (code == '?' && optopt == 'h' && is_whole_name(last, "help"))
            return rcr_fail(err, RCR_ERR_ARGUMENT, "--help takes no value");
        if (code == '?') return fail_unknown(err, args, unknown_word(argc, argv));
        rcr_arg *arg = &args->arg[index_of[longindex]];
        const char *written = arg->kind == RCR_ARG_FLAG || optarg != last ? last : argv[optind - 2];
        if (!is_whole_name(written, arg->name)) return fail_unknown(err, args, written);
        rcr_status status = rcr_arg_set(arg, optarg, RCR_GIVEN_LINE, err);
        if (status != RCR_OK) return status;
    }
    args->n_positional = argc - optind;
    args->positional = argv + optind;
    return RCR_OK;
}

int rcr_args_usage_error(const rcr_args *args, const rcr_error *err) {
    rcr_cli_error(err);
    rcr_cli_hint("see 'recryst %s --help'", args->command);
    return RCR_EXIT_USAGE;
}

int rcr_args_begin(rcr_args *args, int argc, char **argv, int *exit_code) {
    rcr_error err;
    if (rcr_args_parse(args, argc, argv, &err) != RCR_OK) {
        *exit_code = rcr_args_usage_error(args, &err);
        return 0;
    }
    if (args->help) {
        *exit_code = rcr_args_print_help(args);
        return 0;
    }
    return 1;
}

/* ---- the help */

/* Append text from column `column` on, broken at blanks so that lines stay within HELP_WIDTH. */
static void wrap(rcr_text *out, const char *text, int column) {
    int at = column;
    for (const char *p = text; *p != '\0';) {
        size_t length = strcspn(p, " ");
        if (at > column && at + 1 + (int)length > HELP_WIDTH) {
            rcr_text_printf(out, "\n%*s", column, "");
            at = column;
        } else if (at > column) {
            rcr_text_puts(out, " ");
            at++;
        }
        rcr_text_append(out, p, length);
        at += (int)length;
        p += length;
        while (*p == ' ') p++;
    }
    rcr_text_puts(out, "\n");
}

/* " [default]" after the help text, where there is a default to show. */
static void append_default(rcr_text *out, const rcr_arg *arg) {
    char number[32];
    switch (arg->kind) {
    case RCR_ARG_INT32:
        if (in_range(arg, *(int32_t *)arg->value)) rcr_text_printf(out, " [%d]", *(int32_t *)arg->value);
        break;
    case RCR_ARG_INT64:
        if (in_range(arg, (double)*(int64_t *)arg->value))
            rcr_text_printf(out, " [%lld]", (long long)*(int64_t *)arg->value);
        break;
    case RCR_ARG_UINT64: rcr_text_printf(out, " [%llu]", (unsigned long long)*(uint64_t *)arg->value); break;
    case RCR_ARG_DOUBLE:
        if (in_range(arg, *(double *)arg->value))
            rcr_text_printf(out, " [%s]", rcr_format_double(number, *(double *)arg->value));
        break;
    case RCR_ARG_TEXT:
        if (*(const char **)arg->value != NULL) rcr_text_printf(out, " [%s]", *(const char **)arg->value);
        break;
    case RCR_ARG_CHOICE: {
        const char *word = arg->value_name;
        size_t length;
        const char *next = next_word(word, &length);
        for (int32_t i = *(int32_t *)arg->value; i > 0 && next != NULL; i--) {
            word = next;
            next = next_word(word, &length);
        }
        rcr_text_printf(out, " [%.*s]", (int)length, word);
        break;
    }
    case RCR_ARG_LIST: {
        const rcr_arg_list *list = arg->value;
        for (int32_t i = 0; i < list->n; i++) rcr_text_printf(out, "%s%d", i == 0 ? " [" : ",", list->item[i]);
        if (list->n > 0) rcr_text_puts(out, "]");
        break;
    }
    default: break;
    }
}

static void append_option(rcr_text *out, const rcr_arg *arg) {
    if (arg->place == RCR_ARG_FILE_ONLY) return;
    if (arg->kind == RCR_ARG_HEADING) {
        rcr_text_printf(out, "\n%s:\n", arg->help);
        return;
    }
    rcr_text left = {0}, help = {0};
    rcr_text_printf(&left, "  --%s", arg->name);
    if (arg->kind != RCR_ARG_FLAG) rcr_text_printf(&left, " %s", arg->value_name);
    rcr_text_puts(&help, arg->help);
    if (!arg->no_default) append_default(&help, arg);
    if (!left.failed && !help.failed) {
        if (left.length + 2 > HELP_INDENT)
            rcr_text_printf(out, "%s\n%*s", left.data, HELP_INDENT, "");
        else
            rcr_text_printf(out, "%-*s", HELP_INDENT, left.data);
        wrap(out, help.data, HELP_INDENT);
    } else {
        out->failed = 1;
    }
    rcr_text_free(&left);
    rcr_text_free(&help);
}

int rcr_args_print_help(const rcr_args *args) {
    rcr_text out = {0};
    const char *lead = "usage:";
    for (const char *line = args->usage; line != NULL; lead = "      ") {
        size_t length = strcspn(line, "\n");
        rcr_text_printf(&out, "%s recryst %s %.*s\n", lead, args->command, (int)length, line);
        line = line[length] == '\n' ? line + length + 1 : NULL;
    }
    rcr_text_printf(&out, "\n%s", args->description);
    if (args->n_args == 0 || args->arg[0].kind != RCR_ARG_HEADING) rcr_text_puts(&out, "\noptions:\n");
    for (size_t i = 0; i < args->n_args; i++) append_option(&out, &args->arg[i]);
    rcr_text_printf(&out, "%-*sshow this help\n", HELP_INDENT, "  --help");
    rcr_text_printf(&out, "\nexamples:\n%s", args->examples);
    int code = rcr_cli_print(&out);
    rcr_text_free(&out);
    return code;
}
