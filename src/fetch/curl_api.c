#include "fetch/curl_api.h"

#include <dlfcn.h>
#include <string.h>

#include "base/status.h"

/* The names under which systems have it: OpenSSL's flavour, GnuTLS's (the same interface), a developer's link, macOS.
 */
static void *open_library(void) {
    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.so", "libcurl.4.dylib"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (library != NULL) return library;
    }
    return NULL;
}

/* dlsym gives a data pointer; POSIX says that its bytes are those of the function pointer, ISO C has no cast for it. */
static int find(void *library, const char *name, void *function, size_t size) {
    void *symbol = dlsym(library, name);
    if (symbol == NULL || size != sizeof symbol) return 0;
    memcpy(function, &symbol, size);
    return 1;
}

#define FIND(member, name) find(library, name, &found.member, sizeof found.member)

rcr_status rcr_curl_load(rcr_curl_api *api, rcr_error *err) {
    void *library = open_library();
    if (library == NULL)
        return rcr_fail(err, RCR_ERR_UNSUPPORTED,
                        "libcurl is not installed, and fetching needs it; install the package libcurl4 (Debian; from "
                        "Debian 13 and Ubuntu 24.04 on libcurl4t64), libcurl (Fedora) or curl (Arch, Homebrew)");
    rcr_curl_api found;
    int good = FIND(global_init, "curl_global_init") && FIND(easy_init, "curl_easy_init") &&
               FIND(easy_setopt_, "curl_easy_setopt") && FIND(easy_perform_, "curl_easy_perform") &&
               FIND(easy_getinfo_, "curl_easy_getinfo") && FIND(easy_cleanup, "curl_easy_cleanup") &&
               FIND(easy_strerror, "curl_easy_strerror") && FIND(slist_append, "curl_slist_append") &&
               FIND(slist_free_all, "curl_slist_free_all") && FIND(url, "curl_url") &&
               FIND(url_cleanup, "curl_url_cleanup") && FIND(url_set, "curl_url_set") &&
               FIND(url_get, "curl_url_get") && FIND(free_, "curl_free");
    curl_version_info_data *(*version)(CURLversion) = NULL;
    good = good && find(library, "curl_version_info", &version, sizeof version) &&
           version(CURLVERSION_NOW)->version_num >= 0x074200;
    if (!good) return rcr_fail(err, RCR_ERR_UNSUPPORTED, "libcurl is too old; fetching needs version 7.66 or later");
    /* Counted by libcurl, and never undone: another thread may have its own use of it. */
    if (found.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return rcr_fail(err, RCR_ERR_UNSUPPORTED, "libcurl can't be started");
    *api = found;
    return RCR_OK;
}
