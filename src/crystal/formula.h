/* What a crystal is made of: atoms of each element, formulas, mass and density. */
#ifndef RCR_CRYSTAL_FORMULA_H
#define RCR_CRYSTAL_FORMULA_H

#include "base/text.h"
#include "crystal/element.h"

/* Atoms of each element in the cell, amount[1 .. 118]; occupancies where the crystal is disordered.  Sums within 1e-6
 * of a whole number are that number. */
void rcr_composition(double amount[RCR_MAX_ATOMIC_NUMBER + 1], const rcr_crystal *crystal);

/* Divide by the greatest common divisor where all amounts are whole numbers; else nothing changes.  Gives the divisor.
 */
double rcr_composition_reduce(double amount[RCR_MAX_ATOMIC_NUMBER + 1]);

/* Append the formula in Hill's order (Hill 1900): carbon, hydrogen, then the others by symbol; without carbon all by
 * symbol.  Amounts of 1 are left out, others have at most four decimals. */
void rcr_formula(rcr_text *out, const double amount[RCR_MAX_ATOMIC_NUMBER + 1]);

/* Standard atomic weight (IUPAC 2021, abridged), or the mass of a long-lived isotope for an element without one (from
 * rutherfordium, 104, on its mass number); g/mol. */
double rcr_element_mass(int atomic_number);

/* g/cm^3 of these amounts in this volume (cubic angstrom). */
double rcr_density(const double amount[RCR_MAX_ATOMIC_NUMBER + 1], double volume);

#endif
