/* Between fetch.c (pages), rows.c (what becomes of a page) and provenance.c (what the folder says of itself). */
#ifndef RCR_FETCH_DOWNLOAD_H
#define RCR_FETCH_DOWNLOAD_H

#include "fetch/fetch.h"
#include "fetch/folder.h"
#include "fetch/optimade.h"
#include "fetch/page.h"

/* Why a row can't be used. */
typedef enum rcr_skip {
    RCR_SKIP_NO_ID = 0,
    RCR_SKIP_BAD_ID,
    RCR_SKIP_DUPLICATE,
    RCR_SKIP_NO_VALUE,
    RCR_SKIP_STRUCTURE,
    RCR_SKIP_KINDS
} rcr_skip;
const char *rcr_skip_name(rcr_skip skip);

typedef struct rcr_download {
    const rcr_fetch_request *request;
    rcr_http *http;
    rcr_folder_out folder;
    rcr_optimade optimade;
    char *first_url;         /* of the query, without the page */
    struct json_t *identity; /* what makes two requests the same */
    char *database_version;  /* of the Materials Project; "" unknown */
    char *started;           /* when the download began, UTC */
    rcr_name_set *ids, *urls;
    rcr_text rows, errors; /* id_prop.csv and errors.csv */
    int64_t skip[RCR_SKIP_KINDS];
    struct json_t *meta; /* of the first page */
    int reading_cache;   /* 1 until a page is not in OUT/.fetch */
    int is_fruitless;    /* 1: all pages are there, and no row can be used */
    rcr_fetch_result result;
} rcr_download;

/* Make crystals, files and rows of a page, up to the limit.  *fresh: its ids that no page before it had. */
rcr_status rcr_download_rows(rcr_download *d, const rcr_page *page, int cached, size_t *fresh, rcr_error *err);
/* 1 when there are as many crystals as were asked for. */
int rcr_download_is_full(const rcr_download *d);

/* d->identity, from request and first_url. */
rcr_status rcr_download_identify(rcr_download *d, rcr_error *err);
/* Look at what OUT holds.  was_complete is set where it is this request's dataset, resumed where it has begun;
 * database_version and started are then the earlier call's.  Errors: RCR_ERR_MISMATCH, RCR_ERR_PARSE, ... */
rcr_status rcr_download_look(rcr_download *d, rcr_error *err);
/* Write OUT/.fetch/query.json. */
rcr_status rcr_download_begin(rcr_download *d, rcr_error *err);
/* Write errors.csv, atom_init.json, provenance.json, id_prop.csv, in this order. */
rcr_status rcr_download_finish(rcr_download *d, rcr_error *err);

#endif
