/* Putting URLs together. */
#ifndef RCR_FETCH_URL_H
#define RCR_FETCH_URL_H

#include "base/text.h"
#include "recryst.h"

/* The longest URL that is asked for; servers refuse longer ones. */
#define RCR_URL_MAX 8000U

/* Append text with everything but letters, digits and -._~ as %XX (RFC 3986, 2.3); `keep`: more that stays as it is. */
void rcr_url_escape(rcr_text *out, const char *text, const char *keep);
/* Append "?name=value", or "&name=value" where there is a '?' already. */
void rcr_url_parameter(rcr_text *url, const char *name, const char *value);
/* Undo %XX and '+' in place; a '%' that begins no pair of hexadecimal digits stays. */
void rcr_url_unescape(char *text);

/* Append the parameters of "name=value&name=value", each checked to have a name.  Errors: RCR_ERR_ARGUMENT. */
rcr_status rcr_url_parameters(rcr_text *url, const char *query, rcr_error *err);

/* Refuse what is no http or https URL with a host, or holds a user name, a password, blanks, control characters, or is
 * too long.  Errors: RCR_ERR_ARGUMENT. */
rcr_status rcr_url_check(const char *url, rcr_error *err);

/* 1: "https://"; 0: "http://". */
int rcr_url_is_secure(const char *url);
/* 1 when the host is this machine: localhost, 127.x.y.z, [::1]. */
int rcr_url_is_local(const char *url);
/* 1 when the two have the same scheme, host and port. */
int rcr_url_same_origin(const char *a, const char *b);
/* The same, whatever their schemes (and default ports). */
int rcr_url_same_host(const char *a, const char *b);

#endif
