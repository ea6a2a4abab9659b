/* recryst fetch */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "fetch/fetch.h"
#include "fetch/mp.h"
#include "fetch/optimade.h"
#include "fetch/url.h"

enum { MAX_PROPERTIES = 32, MAX_KEY_FILE = 4096 };

typedef struct fetch_options {
    const char *property, *out;
    int64_t limit;
    double min, max;
    rcr_mp_search search;
    const char *filter;
    const char *api_key, *api_key_file, *endpoint, *ca_file;
    int32_t page_size, overwrite, keep_pages, list_properties, stable_only, include_gnome, quiet;
    rcr_http_options http;
} fetch_options;

/* What the callbacks see. */
typedef struct fetching {
    rcr_terminal terminal;
    atomic_int *stop;
    int64_t limit;
    double since;
    int64_t received; /* rows of this call */
} fetching;

static int on_stopped(void *context) {
    const fetching *f = context;
    return f->stop != NULL && atomic_load(f->stop) != 0;
}

static void on_notice(void *context, const char *text) {
    fetching *f = context;
    rcr_terminal_line(&f->terminal, "recryst: note: %s", text);
}

static void on_progress(void *context, const rcr_fetch_counts *c) {
    fetching *f = context;
    f->received = c->received - c->cached;
    if (!rcr_terminal_due(&f->terminal)) return;
    char n[32], all[32], good[32], rate_text[32], left[32];
    double rate = (double)(c->received - c->cached) / (rcr_now() - f->since);
    int64_t total = c->matched;
    double rest = NAN;
    if (total >= 0) rest = (double)(total - c->received) / rate;
    if (f->limit > 0 && c->written > 0) {
        /* As many rows as it takes to get the crystals, going by those so far. */
        double rows = (double)(f->limit - c->written) * (double)c->received / (double)c->written / rate;
        if (!(rest <= rows)) rest = rows;
    }
    rcr_terminal_progress(&f->terminal, "fetching: %s of %s rows, %s crystals, %s/s, %s left",
                          rcr_format_count(n, (long long)c->received),
                          total >= 0 ? rcr_format_count(all, (long long)total) : "?",
                          rcr_format_count(good, (long long)c->written), rcr_format_count(rate_text, (long long)rate),
                          rcr_format_duration(left, rest));
}

/* ---- the key */

/* A copy of the key from --api-key, --api-key-file or MP_API_KEY.  The command line, which every user of the machine
 * can read, then holds x in its place. */
static rcr_status take_key(char **out, const fetch_options *o, rcr_error *err) {
    const char *given = o->api_key != NULL ? o->api_key : getenv("MP_API_KEY");
    char *key = NULL;
    if (o->api_key == NULL && o->api_key_file != NULL) {
        size_t length;
        rcr_status status = rcr_file_read(&key, &length, o->api_key_file, MAX_KEY_FILE, err);
        if (status != RCR_OK) return status;
        char *start = key + strspn(key, " \t\r\n");
        memmove(key, start, strlen(start) + 1);
        for (size_t n = strlen(key); n > 0 && rcr_is_space((unsigned char)key[n - 1]);) key[--n] = '\0';
    } else if (given != NULL && given[0] != '\0') {
        key = rcr_strdup(given);
        if (key == NULL) return rcr_fail_memory(err, "reading the API key");
    }
    if (key == NULL || key[0] == '\0') {
        rcr_free(key);
        return rcr_fail(
            err, RCR_ERR_ARGUMENT,
            "the Materials Project wants an API key: set MP_API_KEY, or give --api-key-file FILE; yours is at "
            "https://materialsproject.org/api");
    }
    *out = key;
    return RCR_OK;
}

static void forget_key(char *key) {
    if (key == NULL) return;
    volatile char *p = key;
    while (*p != '\0') *p++ = 0;
    rcr_free(key);
}

/* ---- what there is to fetch */

static int list_mp(void) {
    rcr_text out = {0};
    for (const rcr_mp_property *p = rcr_mp_properties; p->name != NULL; p++)
        rcr_text_printf(&out, "%-46s%-12s%s\n", p->name, p->unit[0] != '\0' ? p->unit : "-", p->about);
    int code = rcr_cli_print(&out);
    rcr_text_free(&out);
    return code;
}

static int list_optimade(const rcr_http_options *options, const char *url) {
    rcr_http *http = NULL;
    rcr_optimade optimade = {0};
    rcr_error err;
    rcr_text out = {0};
    rcr_status status = rcr_http_open(&http, options, &err);
    if (status == RCR_OK) status = rcr_optimade_open(&optimade, http, url, &err);
    if (status == RCR_OK) rcr_optimade_list(&out, &optimade);
    if (status == RCR_OK && out.length == 0 && !out.failed)
        status = rcr_fail(&err, RCR_ERR_DATA, "%.200s does not list its properties", optimade.base);
    int code = status == RCR_OK ? rcr_cli_show(&out) : rcr_cli_error(&err);
    rcr_text_free(&out);
    rcr_optimade_close(&optimade);
    rcr_http_close(http);
    return code;
}

/* ---- the request */

/* Cut "a,b" in place. */
static rcr_status split_properties(const char **property, size_t *n, char *list, rcr_error *err) {
    *n = 0;
    for (char *p = list; p != NULL && *p != '\0';) {
        char *comma = strchr(p, ',');
        if (comma != NULL) *comma = '\0';
        if (*p == '\0' || p[strcspn(p, "?&= \t")] != '\0')
            return rcr_fail(err, RCR_ERR_ARGUMENT, "--property takes names with commas between");
        for (size_t k = 0; k < *n; k++)
            if (strcmp(property[k], p) == 0) return rcr_fail(err, RCR_ERR_ARGUMENT, "--property has %s twice", p);
        if (*n == MAX_PROPERTIES)
            return rcr_fail(err, RCR_ERR_ARGUMENT, "--property takes at most %d names", (int)MAX_PROPERTIES);
        property[(*n)++] = p;
        p = comma != NULL ? comma + 1 : NULL;
    }
    return RCR_OK;
}

static void note_unknown(fetching *f, const char *const *property, size_t n) {
    const char *names[128];
    size_t known = 0;
    for (const rcr_mp_property *p = rcr_mp_properties; p->name != NULL && known < 127; p++) names[known++] = p->name;
    names[known] = NULL;
    for (size_t i = 0; i < n; i++) {
        if (rcr_mp_property_find(property[i]) != NULL) continue;
        const char *near = rcr_nearest_word(property[i], names);
        rcr_terminal_line(
            &f->terminal, "recryst: note: '%s' is not in --list-properties%s%s%s; asking for it all the same",
            property[i], near != NULL ? " (did you mean '" : "", near != NULL ? near : "", near != NULL ? "'?)" : "");
    }
}

static void tell(fetching *f, const rcr_fetch_request *q, const rcr_fetch_result *r) {
    char n[32], m[32], time[32];
    if (r->was_complete) {
        rcr_terminal_line(&f->terminal, "%s has all of this request already: %s crystals", q->out,
                          rcr_format_count(n, (long long)r->counts.written));
        return;
    }
    rcr_terminal_line(
        &f->terminal, "%s: %s crystals in %s%s", q->out, rcr_format_count(n, (long long)r->counts.written),
        rcr_format_duration(time, rcr_now() - f->since), r->resumed ? ", going on with what was there" : "");
    if (r->counts.outside > 0)
        rcr_terminal_line(&f->terminal, "%s rows lie outside --min to --max",
                          rcr_format_count(n, (long long)r->counts.outside));
    if (r->counts.skipped > 0)
        rcr_cli_note("%s of %s rows can't be used; errors.csv says why",
                     rcr_format_count(n, (long long)r->counts.skipped),
                     rcr_format_count(m, (long long)r->counts.received));
    if (r->incomplete)
        rcr_cli_note("the server says that %s rows match, and gave %s",
                     rcr_format_count(m, (long long)r->counts.matched),
                     rcr_format_count(n, (long long)r->counts.received));
}

static int run_fetch(const rcr_fetch_request *q, fetching *f) {
    rcr_fetch_result result = {0};
    rcr_error err;
    rcr_status status = rcr_fetch(&result, q, &err);
    rcr_terminal_clear(&f->terminal);
    if (status == RCR_OK) {
        tell(f, q, &result);
        return RCR_EXIT_OK;
    }
    int code = rcr_cli_error(&err);
    rcr_text begun = {0};
    rcr_text_printf(&begun, "%s/.fetch/query.json", q->out);
    int kept = status != RCR_ERR_MISMATCH && !begun.failed && rcr_is_file(begun.data);
    rcr_text_free(&begun);
    if (kept && !q->overwrite) rcr_cli_hint("what was received is kept; the same command goes on from there");
    /* Given again it would begin anew.  As long as nothing came, what lies there is the old download. */
    if (kept && q->overwrite && f->received > 0)
        rcr_cli_hint("what was received is kept; the same command without --overwrite goes on from there");
    return code;
}

/* ---- the command line */

static rcr_status check_use(const rcr_args *args, const fetch_options *o, int optimade, rcr_error *err) {
    static const char *const mp_only[] = {
        "stable-only",    "include-gnome", "elements", "exclude-elements", "chemsys",      "formula",  "material-ids",
        "crystal-system", "spacegroup",    "where",    "api-key",          "api-key-file", "endpoint", NULL};
    static const char *const optimade_only[] = {"filter", NULL};
    const char *const *wrong = optimade ? mp_only : optimade_only;
    for (size_t i = 0; wrong[i] != NULL; i++)
        if (rcr_args_find(args, wrong[i])->given)
            return rcr_fail(err, RCR_ERR_ARGUMENT, "--%s is for '%s' alone%s", wrong[i],
                            optimade ? "fetch mp" : "fetch optimade",
                            optimade ? "; an OPTIMADE database takes --filter" : "");
    if (o->list_properties) return RCR_OK;
    if (o->out == NULL) return rcr_fail(err, RCR_ERR_ARGUMENT, "--out DIR says where the dataset goes");
    if (o->property == NULL && !optimade)
        return rcr_fail(err, RCR_ERR_ARGUMENT,
                        "--property NAME says what to fetch; --list-properties shows what there is");
    if (o->property == NULL && (!isnan(o->min) || !isnan(o->max)))
        return rcr_fail(err, RCR_ERR_ARGUMENT, "--min and --max are for the --property");
    if (o->min > o->max) return rcr_fail(err, RCR_ERR_ARGUMENT, "--min is above --max");
    return RCR_OK;
}

/* From here on everything is known but the key. */
static int fetch(fetch_options *o, int optimade, const char *url) {
    rcr_error err;
    const char *property[MAX_PROPERTIES];
    size_t n = 0;
    char *key = NULL, *list = rcr_strdup(o->property != NULL ? o->property : "");
    fetching f = {.limit = o->limit, .since = rcr_now()};
    rcr_terminal_init(&f.terminal, o->quiet);
    rcr_status status =
        list == NULL ? rcr_fail_memory(&err, "reading options") : split_properties(property, &n, list, &err);
    if (status == RCR_OK && !optimade) status = take_key(&key, o, &err);
    int code;
    if (status != RCR_OK) {
        code = rcr_cli_error(&err);
    } else {
        f.stop = rcr_signals_catch("\nrecryst: stopping; what was received is kept (again: stop at once)\n");
        o->search.stable_only = o->stable_only;
        o->search.include_gnome = o->include_gnome;
        rcr_fetch_request q = {.optimade = optimade,
                               .url = url,
                               .search = &o->search,
                               .filter = o->filter,
                               .property = property,
                               .n_properties = n,
                               .min = o->min,
                               .max = o->max,
                               .limit = o->limit,
                               .page_size = o->page_size,
                               .out = o->out,
                               .overwrite = o->overwrite,
                               .keep_pages = o->keep_pages,
                               .http = o->http,
                               .progress = on_progress,
                               .context = &f};
        q.http.key = key;
        q.http.key_header = RCR_MP_KEY_HEADER;
        q.http.key_url = url;
        q.http.stopped = on_stopped;
        q.http.notice = on_notice;
        q.http.context = &f;
        if (!optimade) note_unknown(&f, property, n);
        code = run_fetch(&q, &f);
    }
    forget_key(key);
    rcr_free(list);
    return code;
}

static const char *const description =
    "Makes a dataset folder, in CGCNN's layout, from the Materials Project (mp) or\n"
    "any OPTIMADE database (optimade URL): a CIF file for each crystal, id_prop.csv,\n"
    "provenance.json (where the data are from, and their licence) and errors.csv\n"
    "(rows that can't be used).  A download that was stopped goes on when the same\n"
    "command is given again.\n"
    "\n"
    "The Materials Project wants an API key, in MP_API_KEY or --api-key-file.\n";

static const char *const examples = "  recryst fetch mp --property band_gap --stable-only --limit 10000 --out gap\n"
                                    "  recryst fetch mp --property bulk_modulus.vrh --chemsys 'Ti-*,Zr-*' --out k\n"
                                    "  recryst fetch optimade https://optimade.materialsproject.org --out tio \\\n"
                                    "      --filter 'elements HAS ALL \"Ti\",\"O\" AND nelements=2'\n"
                                    "  recryst fetch mp --list-properties\n";

/* The first of these variables that is set and not empty. */
static const char *variable(const char *first, const char *second) {
    const char *value = getenv(first);
    if (value == NULL || value[0] == '\0') value = second != NULL ? getenv(second) : NULL;
    return value != NULL && value[0] != '\0' ? value : NULL;
}

#define ROW(option, type, words, target, low, high, above, text)                                                       \
    {                                                                                                                  \
        .name = option, .kind = type, .value_name = words, .value = target, .min = low, .max = high,                   \
        .above_min = above, .help = text                                                                               \
    }

int rcr_cmd_fetch(int argc, char **argv) {
    fetch_options o = {.min = NAN, .max = NAN, .http = rcr_http_options_default()};
    const double big = 1e300;
    rcr_arg table[] = {
        {.kind = RCR_ARG_HEADING, .help = "what to fetch"},
        ROW("property", RCR_ARG_TEXT, "NAME,...", &o.property, 0, 0, 0,
            "properties, as targets; parts of an object as a.b"),
        ROW("list-properties", RCR_ARG_FLAG, NULL, &o.list_properties, 0, 0, 0, "show the properties and their units"),
        ROW("limit", RCR_ARG_INT64, "N", &o.limit, 1, 1e15, 0, "crystals at most"),
        ROW("min", RCR_ARG_DOUBLE, "X", &o.min, -big, big, 0, "least value of the (first) property"),
        ROW("max", RCR_ARG_DOUBLE, "X", &o.max, -big, big, 0, "largest value of the (first) property"),
        {.kind = RCR_ARG_HEADING, .help = "Materials Project"},
        ROW("stable-only", RCR_ARG_FLAG, NULL, &o.stable_only, 0, 0, 0, "materials on the convex hull"),
        ROW("include-gnome", RCR_ARG_FLAG, NULL, &o.include_gnome, 0, 0, 0,
            "also the GNoME set (CC BY-NC; accept its terms on the site first)"),
        ROW("elements", RCR_ARG_TEXT, "A,B", &o.search.elements, 0, 0, 0, "with all these elements"),
        ROW("exclude-elements", RCR_ARG_TEXT, "A,B", &o.search.exclude_elements, 0, 0, 0, "with none of these"),
        ROW("chemsys", RCR_ARG_TEXT, "A-B,C-*", &o.search.chemsys, 0, 0, 0, "chemical systems"),
        ROW("formula", RCR_ARG_TEXT, "F,...", &o.search.formula, 0, 0, 0, "formulas: Fe2O3, ABO3, Si*"),
        ROW("material-ids", RCR_ARG_TEXT, "ID,...", &o.search.material_ids, 0, 0, 0, "these materials"),
        ROW("crystal-system", RCR_ARG_TEXT, "NAME", &o.search.crystal_system, 0, 0, 0, "Cubic, Hexagonal, ..."),
        ROW("spacegroup", RCR_ARG_TEXT, "N|SYMBOL", &o.search.spacegroup, 0, 0, 0, "number or Hermann-Mauguin symbol"),
        ROW("where", RCR_ARG_TEXT, "N=V&N=V", &o.search.where, 0, 0, 0,
            "further parameters of the API's materials/summary, such as nsites_max=40"),
        ROW("api-key-file", RCR_ARG_TEXT, "FILE", &o.api_key_file, 0, 0, 0, "file that holds the API key"),
        ROW("api-key", RCR_ARG_TEXT, "KEY", &o.api_key, 0, 0, 0,
            "the API key; better in MP_API_KEY or a file, as others may see a command line"),
        ROW("endpoint", RCR_ARG_TEXT, "URL", &o.endpoint, 0, 0, 0,
            "of the API; else MP_API_ENDPOINT, else " RCR_MP_ENDPOINT),
        {.kind = RCR_ARG_HEADING, .help = "OPTIMADE"},
        ROW("filter", RCR_ARG_TEXT, "FILTER", &o.filter, 0, 0, 0,
            "a filter in OPTIMADE's language; without: everything"),
        {.kind = RCR_ARG_HEADING, .help = "where to, and how"},
        ROW("out", RCR_ARG_TEXT, "DIR", &o.out, 0, 0, 0, "the dataset's folder"),
        ROW("overwrite", RCR_ARG_FLAG, NULL, &o.overwrite, 0, 0, 0, "start again: remove the dataset that DIR holds"),
        ROW("keep-pages", RCR_ARG_FLAG, NULL, &o.keep_pages, 0, 0, 0, "leave the server's answers in DIR/.fetch"),
        ROW("page-size", RCR_ARG_INT32, "N", &o.page_size, 1, 10000, 0,
            "rows of one request (mp: 1000, optimade: 100)"),
        ROW("timeout", RCR_ARG_DOUBLE, "S", &o.http.stall_timeout, 1, 3600, 0, "seconds of silence that end a try"),
        ROW("retries", RCR_ARG_INT32, "N", &o.http.retries, 0, 100, 0, "further tries of a request that fails"),
        ROW("retry-wait", RCR_ARG_DOUBLE, "S", &o.http.retry_wait, 0, 600, 0,
            "seconds before the second try; doubled for each further one"),
        ROW("ca-file", RCR_ARG_TEXT, "FILE", &o.ca_file, 0, 0, 0,
            "certificates to trust, else CURL_CA_BUNDLE, SSL_CERT_FILE"),
        ROW("quiet", RCR_ARG_FLAG, NULL, &o.quiet, 0, 0, 0, "no progress"),
    };
    rcr_args args = {.command = "fetch",
                     .usage = "mp --property NAME --out DIR [options]\noptimade URL --out DIR [options]",
                     .description = description,
                     .examples = examples,
                     .arg = table,
                     .n_args = sizeof table / sizeof *table};
    int code, optimade;
    int go_on = rcr_args_begin(&args, argc, argv, &code);
    /* Out of the command line, which anybody on this machine can read, as the first thing that is done. */
    char *key = NULL;
    if (o.api_key != NULL) {
        key = rcr_strdup(o.api_key);
        memset((char *)(uintptr_t)o.api_key, 'x', strlen(o.api_key));
        o.api_key = key;
    }
    rcr_error err;
    if (go_on) {
        const char *source = args.n_positional > 0 ? args.positional[0] : "";
        optimade = strcmp(source, "optimade") == 0;
        rcr_status status = RCR_OK;
        if (!optimade && strcmp(source, "mp") != 0)
            status = rcr_fail(&err, RCR_ERR_ARGUMENT, "'mp' or 'optimade URL' says where from%s%.40s%s",
                              source[0] != '\0' ? ", not '" : "", source, source[0] != '\0' ? "'" : "");
        else if (args.n_positional != (optimade ? 2 : 1))
            status = rcr_fail(&err, RCR_ERR_ARGUMENT,
                              optimade ? "'fetch optimade' takes one URL" : "'fetch mp' takes options alone");
        if (status == RCR_OK) status = check_use(&args, &o, optimade, &err);
        if (o.ca_file == NULL) o.ca_file = variable("CURL_CA_BUNDLE", "SSL_CERT_FILE");
        o.http.ca_file = o.ca_file;
        const char *endpoint = o.endpoint != NULL ? o.endpoint : variable("MP_API_ENDPOINT", NULL);
        const char *url = optimade && status == RCR_OK ? args.positional[1]
                          : endpoint != NULL           ? endpoint
                                                       : RCR_MP_ENDPOINT;
        if (status != RCR_OK)
            code = rcr_args_usage_error(&args, &err);
        else if (o.list_properties)
            code = optimade ? list_optimade(&o.http, url) : list_mp();
        else
            code = fetch(&o, optimade, url);
    }
    forget_key(key);
    return code;
}
