/* The template of the reports' page, put into the command when it was built with Node.js. */
#ifndef RCR_CLI_PAGE_ASSET_H
#define RCR_CLI_PAGE_ASSET_H

#include <stddef.h>

/* NULL and length 0 when the command was built without it. */
const char *rcr_page_asset(size_t *length);

#endif
