/* Crystals as text, one file beside this for each format.
 *
 * Every writer appends to `out`; where it fails, what it appended is taken away again.  Numbers are the shortest text
 * that reads back as the same double.  Reading back gives the same crystal: CIF and POSCAR hold no orientation (CIF) or
 * group the sites by species (POSCAR), and both turn a left-handed cell into the right-handed one of the same crystal
 * (all axes reversed), since the angles of a CIF can't tell the two apart and VASP refuses the one.
 *
 * Errors of all: RCR_ERR_DATA (no crystal), RCR_ERR_UNSUPPORTED (disorder, where the format has no place for it),
 * RCR_ERR_MEMORY. */
#ifndef RCR_IO_WRITE_H
#define RCR_IO_WRITE_H

#include "base/text.h"
#include "io/reader.h"
#include "recryst.h"

typedef enum rcr_write_format {
    RCR_WRITE_CIF = 0,
    RCR_WRITE_POSCAR,
    RCR_WRITE_EXTXYZ,
    RCR_WRITE_JSON /* one object, on one line */
} rcr_write_format;

/* A data block: cell, P 1, every site with type symbol and occupancy; a row for each species of a disordered site.
 * CIF 1.1.  Its name is the id, what no name may hold replaced by '_'.  Properties have no place in it. */
rcr_status rcr_cif_write(rcr_text *out, const rcr_crystal *crystal, rcr_error *err);

/* VASP 5: the first line is the id (the formula where there is none), scale 1, direct coordinates; sites of one element
 * follow each other, elements by their first site, so that each occurs once.  Disorder has no place in it. */
rcr_status rcr_poscar_write(rcr_text *out, const rcr_crystal *crystal, rcr_error *err);

/* A frame with Lattice, Properties=species:S:1:pos:R:3, pbc, the id and the properties as keys.  Disorder has no place
 * in it. */
rcr_status rcr_extxyz_write(rcr_text *out, const rcr_crystal *crystal, const rcr_property *property,
                            size_t n_properties, rcr_error *err);

/* pymatgen's Structure.as_dict, with the id under "id" (pymatgen passes over it) and the properties under "properties".
 */
rcr_status rcr_json_write(rcr_text *out, const rcr_crystal *crystal, const rcr_property *property, size_t n_properties,
                          rcr_error *err);

/* Whichever of these. */
rcr_status rcr_crystal_write(rcr_text *out, rcr_write_format format, const rcr_crystal *crystal,
                             const rcr_property *property, size_t n_properties, rcr_error *err);

/* For the writers: fail where a site is not one whole atom; put a double; the cell that is written, and whether its
 * axes are the crystal's reversed. */
rcr_status rcr_write_check_ordered(const rcr_crystal *crystal, const char *format, rcr_error *err);
void rcr_write_number(rcr_text *out, double value);
int rcr_write_right_handed(double lattice[3][3], const rcr_crystal *crystal);
/* RCR_OK, or out of memory; takes away what was appended after `length` where status or text failed. */
rcr_status rcr_write_end(rcr_text *out, size_t length, rcr_status status, rcr_error *err);

#endif
