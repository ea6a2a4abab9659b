/* A dataset out of a database: pages, crystals, files.  docs/fetch.md describes what the folder holds. */
#ifndef RCR_FETCH_FETCH_H
#define RCR_FETCH_FETCH_H

#include "fetch/http.h"
#include "fetch/mp.h"
#include "recryst.h"

/* Rows, so far or in all. */
typedef struct rcr_fetch_counts {
    int64_t matched;  /* by the query, as the server says; -1 unknown */
    int64_t received; /* rows of all pages so far */
    int64_t cached;   /* of them from pages of an earlier call */
    int64_t written;  /* crystals that have their file and their row */
    int64_t skipped;  /* rows that can't be used; errors.csv says why */
    int64_t outside;  /* rows outside min .. max */
} rcr_fetch_counts;

typedef struct rcr_fetch_request {
    int optimade;                /* 0: Materials Project */
    const char *url;             /* of the API */
    const rcr_mp_search *search; /* Materials Project */
    const char *filter;          /* OPTIMADE; NULL: all structures */
    const char *const *property; /* [n_properties]; OPTIMADE may have none: structures alone */
    size_t n_properties;
    double min, max;   /* of the first property, NAN for none: rows outside are left out */
    int64_t limit;     /* crystals at most; 0: all */
    int32_t page_size; /* rows on a page; 0: as the server is used to */
    const char *out;   /* folder */
    int overwrite;     /* 1: put aside what the folder holds, once the first page is there */
    int keep_pages;    /* 1: leave the answers in OUT/.fetch when all is done */
    rcr_http_options http;
    /* Told after every page, and about every 100 rows in between; may be NULL. */
    void (*progress)(void *context, const rcr_fetch_counts *counts);
    void *context; /* of progress */
} rcr_fetch_request;

/* What came of it. */
typedef struct rcr_fetch_result {
    rcr_fetch_counts counts;
    int was_complete; /* 1: the folder had this very dataset already; nothing was asked for */
    int resumed;      /* 1: went on where an earlier call ended */
    int incomplete;   /* 1: the server gave fewer rows than it said it had */
} rcr_fetch_result;

/* Fetch.  What was received stays in OUT/.fetch, so that the same request goes on after any end of this one but two:
 * where nothing matches, or no row can be used, there is nothing to go on with, and OUT is free for another request.
 * Errors: RCR_ERR_ARGUMENT, RCR_ERR_MISMATCH (the folder holds or has begun another request), RCR_ERR_DATA (the
 * server's answers make no sense, or nothing matches), RCR_ERR_IO, RCR_ERR_LIMIT, RCR_ERR_INTERRUPTED,
 * RCR_ERR_UNSUPPORTED (no libcurl), RCR_ERR_MEMORY. */
rcr_status rcr_fetch(rcr_fetch_result *out, const rcr_fetch_request *request, rcr_error *err);

#endif
