/* What info shows of one structure. */
#ifndef RCR_CLI_INFO_STRUCTURE_H
#define RCR_CLI_INFO_STRUCTURE_H

#include "base/text.h"
#include "recryst.h"

/* Append formula, cell, density, space group, shortest distance, warnings and sites, for reading or as one JSON object.
 * What can't be told (symmetry of a very large crystal) says why in its place. */
void rcr_info_structure(rcr_text *out, const char *path, const rcr_crystal *crystal, double tolerance, int json,
                        const rcr_graph_options *options);

#endif
