/* Crystals and graph options in words, for info and graph. */
#ifndef RCR_CLI_DESCRIBE_H
#define RCR_CLI_DESCRIBE_H

#include "base/text.h"
#include "recryst.h"

/* Lines "structure", "cell": id, formula, sites, lengths, angles, volume. */
void rcr_describe_crystal(rcr_text *out, const rcr_crystal *crystal);

/* The formula with elements by rising atomic number in the count of the cell: "Al3Ni"; where sites
 * are disordered, by occupancy: "O3Fe1.5Co0.5". */
void rcr_describe_formula(rcr_text *out, const rcr_crystal *crystal);

/* Lines "neighbors", "disorder" and "distances". */
void rcr_describe_graph_options(rcr_text *out, const rcr_graph_options *options);

#endif
