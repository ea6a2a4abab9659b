/* A structure as a JSON object: pymatgen's Structure.as_dict, or a plain one. */
#ifndef RCR_IO_JSON_STRUCTURE_H
#define RCR_IO_JSON_STRUCTURE_H

#include "recryst.h"

/* text[0 .. length) is one object, either
 *     {"lattice": {"matrix": [[..],[..],[..]]}, "sites": [{"species": [{"element": "Fe", "occu": 1}], "abc": [x, y,
 * z]},
 *      ..]}   (pymatgen; "xyz" where there is no "abc")
 * or
 *     {"lattice": [[..],[..],[..]], "species": ["Fe" or 26, ..], "frac": [[x, y, z], ..]}   ("cart" in angstrom
 * instead) or one that holds such an object under "structure".  The id is "id", "material_id" or "name" of the
 * outermost object (a string or a whole number), "" when there is none.  Errors: RCR_ERR_PARSE, RCR_ERR_UNSUPPORTED
 * (an unknown element), RCR_ERR_DATA (not periodic, no volume, occupancies that sum to more than 1), RCR_ERR_MEMORY;
 * their line is `line`. */
rcr_status rcr_json_structure_parse(rcr_crystal **out, const char *text, size_t length, long line, rcr_error *err);

#endif
