/* What a database answers: a page of rows, each a structure with its properties. */
#ifndef RCR_FETCH_PAGE_H
#define RCR_FETCH_PAGE_H

#include "base/text.h"
#include "recryst.h"

struct json_t;
typedef struct rcr_page rcr_page;

/* A page of the Materials Project's API, {"data": [{"material_id", "structure", ..}, ..], "meta": {"total_doc"}}.
 * Errors: RCR_ERR_PARSE (not JSON, or without the list), RCR_ERR_MEMORY. */
rcr_status rcr_page_parse_mp(rcr_page **out, const char *body, size_t length, rcr_error *err);

/* A page of an OPTIMADE structures endpoint, {"data": [{"id", "attributes"}, ..], "meta", "links"}; "data" may be a
 * single object.  Errors: RCR_ERR_PARSE, RCR_ERR_DATA (the page lists errors), RCR_ERR_MEMORY. */
rcr_status rcr_page_parse_optimade(rcr_page **out, const char *body, size_t length, rcr_error *err);

void rcr_page_free(rcr_page *page);

size_t rcr_page_rows(const rcr_page *page);
/* Rows of all pages together, as the server says; -1 unknown. */
int64_t rcr_page_total(const rcr_page *page);
/* OPTIMADE's meta.more_data_available: 1, 0, or -1 unknown. */
int rcr_page_more(const rcr_page *page);
/* OPTIMADE's links.next as it stands there, NULL when there is none; the page's. */
const char *rcr_page_next(const rcr_page *page);
/* OPTIMADE's meta.request_delay, seconds; 0 where there is none. */
double rcr_page_delay(const rcr_page *page);
/* The object "meta"; NULL when there is none.  The page's. */
const struct json_t *rcr_page_meta(const rcr_page *page);

/* The id of row i < rcr_page_rows; NULL when it has none.  The page's. */
const char *rcr_page_id(const rcr_page *page, size_t i);

/* The crystal of row i, its id that of the row.  *out belongs to the caller.  Errors: RCR_ERR_DATA (no structure, not
 * periodic in three directions, no volume), RCR_ERR_PARSE, RCR_ERR_UNSUPPORTED, RCR_ERR_MEMORY. */
rcr_status rcr_page_crystal(rcr_crystal **out, const rcr_page *page, size_t i, rcr_error *err);

/* A property of row i: a number, true and false as 1 and 0, or a text that is a number.  `path` is a name, or names of
 * nested objects (and places in lists, from 0) with points between: "bulk_modulus.vrh"; names may hold points
 * themselves.  Errors: RCR_ERR_DATA, where there is no value, or one that is no number. */
rcr_status rcr_page_value(double *out, const rcr_page *page, size_t i, const char *path, rcr_error *err);

/* Append to `out` what the body of an error says: "detail" (text, or FastAPI's list), OPTIMADE's "errors", a gateway's
 * "message"; else the beginning of a plain text.  Nothing when it says nothing. */
void rcr_page_complaint(rcr_text *out, const char *body, size_t length);

#endif
