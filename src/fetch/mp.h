/* The Materials Project's API, https://api.materialsproject.org: what is asked of it. */
#ifndef RCR_FETCH_MP_H
#define RCR_FETCH_MP_H

#include "base/text.h"
#include "recryst.h"

#define RCR_MP_ENDPOINT "https://api.materialsproject.org"
#define RCR_MP_KEY_HEADER "X-API-KEY"
/* The most rows that the server puts on one page. */
enum { RCR_MP_MAX_PAGE = 1000 };

/* A property of the summary documents. */
typedef struct rcr_mp_property {
    const char *name;  /* "bulk_modulus.vrh" */
    const char *unit;  /* "GPa"; "" where there is none */
    const char *range; /* the server takes RANGE_min and RANGE_max; NULL: it does not */
    const char *group; /* what the server must have of a material: has_props=GROUP; NULL: all have it */
    const char *about;
} rcr_mp_property;

/* All that are known here, ended by one whose name is NULL; the server may know more. */
extern const rcr_mp_property rcr_mp_properties[];
/* NULL: not known. */
const rcr_mp_property *rcr_mp_property_find(const char *name);

/* Which materials.  Texts may be NULL; lists have commas between their items. */
typedef struct rcr_mp_search {
    const char *elements, *exclude_elements, *chemsys, *formula, *material_ids, *crystal_system, *spacegroup;
    const char *where; /* more parameters of the API, "name=value&name=value" */
    int stable_only, include_gnome;
} rcr_mp_search;

/* Append the URL of the search for materials with these properties, without the page (_limit, _skip).  min and max, NAN
 * for none, are for the first property, and are left out where the server knows no range of it.
 * Errors: RCR_ERR_ARGUMENT, RCR_ERR_MEMORY. */
rcr_status rcr_mp_url(rcr_text *out, const char *endpoint, const rcr_mp_search *search, const char *const *property,
                      size_t n_properties, double min, double max, rcr_error *err);

#endif
