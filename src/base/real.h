/* The type the network computes in: float in the product; double in the test build that checks the mathematics. */
#ifndef RCR_BASE_REAL_H
#define RCR_BASE_REAL_H

#ifdef RCR_DOUBLE
typedef double rcr_real;
#else
typedef float rcr_real;
#endif

#endif
