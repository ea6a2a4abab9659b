/* libcurl, loaded when it is first needed: it brings some thirty shared libraries, which every other command would pay
 * for at its start (docs/dependencies.md has the figures). */
#ifndef RCR_FETCH_CURL_API_H
#define RCR_FETCH_CURL_API_H

#include <curl/curl.h>

#include "recryst.h"

/* The functions in use, with the types that curl's headers give them. */
typedef struct rcr_curl_api {
    CURLcode (*global_init)(long flags);
    CURL *(*easy_init)(void);
    CURLcode (*easy_setopt_)(CURL *handle, CURLoption option, ...);
    CURLcode (*easy_perform_)(CURL *handle);
    CURLcode (*easy_getinfo_)(CURL *handle, CURLINFO info, ...);
    void (*easy_cleanup)(CURL *handle);
    const char *(*easy_strerror)(CURLcode code);
    struct curl_slist *(*slist_append)(struct curl_slist *list, const char *line);
    void (*slist_free_all)(struct curl_slist *list);
    CURLU *(*url)(void);
    void (*url_cleanup)(CURLU *url);
    CURLUcode (*url_set)(CURLU *url, CURLUPart part, const char *text, unsigned flags);
    CURLUcode (*url_get)(const CURLU *url, CURLUPart part, char **text, unsigned flags);
    void (*free_)(void *text);
} rcr_curl_api;

/* Fill in *api.  The library stays loaded to the end of the process.  Errors: RCR_ERR_UNSUPPORTED, naming the package
 * to install, where there is no libcurl or a version before 7.66. */
rcr_status rcr_curl_load(rcr_curl_api *api, rcr_error *err);

#endif
