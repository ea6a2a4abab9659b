/* An OPTIMADE provider (https://www.optimade.org, specification 1.0 to 1.2): where its structures are, and what it says
 * of itself. */
#ifndef RCR_FETCH_OPTIMADE_H
#define RCR_FETCH_OPTIMADE_H

#include "fetch/http.h"
#include "recryst.h"

struct json_t;

typedef struct rcr_optimade {
    char *base;                /* versioned base URL, "https://example.org/optimade/v1" */
    struct json_t *info;       /* attributes of /info; NULL: not given */
    struct json_t *structures; /* "properties" of /info/structures: {name: {..}}; NULL: not given */
} rcr_optimade;

/* Find the API at `url`, which is a base URL (versioned or not) or that of its structures endpoint, and ask for its
 * descriptions.  Errors: RCR_ERR_ARGUMENT (no URL), RCR_ERR_DATA (no API of version 1 there; an index of databases,
 * whose names and URLs the message gives), those of rcr_http_get. */
rcr_status rcr_optimade_open(rcr_optimade *out, rcr_http *http, const char *url, rcr_error *err);
void rcr_optimade_close(rcr_optimade *optimade);

/* The unit of a property ("a.b" is a part of "a"); "" when it is not known. */
const char *rcr_optimade_unit(const rcr_optimade *optimade, const char *property);
/* Append the provider's properties that are numbers, booleans or objects, a line each: name, unit, description. */
void rcr_optimade_list(rcr_text *out, const rcr_optimade *optimade);

/* Append the URL of the first page.  filter may be NULL; page_limit 0: the server's own.  Errors: RCR_ERR_ARGUMENT,
 * RCR_ERR_MEMORY. */
rcr_status rcr_optimade_url(rcr_text *out, const rcr_optimade *optimade, const char *filter,
                            const char *const *property, size_t n_properties, int32_t page_limit, rcr_error *err);

#endif
