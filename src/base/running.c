#include "base/running.h"

#include <math.h>

double rcr_running_scale(double most) {
    int exponent;
    if (most == 0 || (most > 1e-100 && most < 1e100) || !isfinite(most)) return 1;
    frexp(most, &exponent);
    return ldexp(1, exponent > 1000 ? -1000 : exponent < -1000 ? 1000 : -exponent);
}

/* A value that is larger than all before. */
static void grow(rcr_running *r, double most) {
    double scale = rcr_running_scale(most);
    /* Never more than 1; where it vanishes, so do the values before beside the new one. */
    double ratio = r->most > 0 ? scale / r->scale : 1;
    r->mean *= ratio;
    r->squares *= ratio * ratio;
    r->scale = scale;
    r->most = most;
}

void rcr_running_add(rcr_running *r, double value) {
    double size = fabs(value);
    if (size > r->most || r->n == 0) grow(r, size);
    r->n++;
    double scaled = value * r->scale, delta = scaled - r->mean;
    r->mean += delta / (double)r->n;
    r->squares += delta * (scaled - r->mean);
}

double rcr_running_mean(const rcr_running *r) { return r->n > 0 ? r->mean / r->scale : (double)NAN; }

double rcr_running_std(const rcr_running *r) { return r->n > 1 ? sqrt(r->squares / (double)(r->n - 1)) / r->scale : 0; }
