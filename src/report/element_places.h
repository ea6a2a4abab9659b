/* Where the elements stand in the periodic table of a figure. */
#ifndef RCR_REPORT_ELEMENT_PLACES_H
#define RCR_REPORT_ELEMENT_PLACES_H

#include <stddef.h>

#define RCR_N_PLACES 118

typedef struct rcr_place {
    const char *symbol;
    int row, column; /* rows 0 .. 6 are the periods, 7 and 8 the lanthanides and actinides; columns 0 .. 17 */
} rcr_place;

/* By atomic number - 1. */
extern const rcr_place rcr_places[RCR_N_PLACES];

/* The index of the element with this symbol; -1 when there is none. */
int rcr_element_place(const char *symbol, size_t length);

#endif
