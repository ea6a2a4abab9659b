#include "model/domain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "model/conformal.h"

static size_t triangle(size_t n) { return n * (n + 1) / 2; }

static void mark_elements(uint8_t *element, const rcr_graph *graph) {
    for (int32_t i = 0; i < graph->n_atoms; i++)
        if (graph->species_offset == NULL) element[graph->atomic_number[i]] = 1;
    int32_t n_species = graph->species_offset != NULL ? graph->species_offset[graph->n_atoms] : 0;
    for (int32_t k = 0; k < n_species; k++) element[graph->species_number[k]] = 1;
}

void rcr_domain_add_elements(rcr_domain *domain, const rcr_graph *graph) { mark_elements(domain->element, graph); }

/* ---- mean and covariance */

static void find_mean(double *mean, const float *vector, size_t n, size_t F) {
    memset(mean, 0, F * sizeof *mean);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < F; k++) mean[k] += (double)vector[i * F + k];
    for (size_t k = 0; k < F; k++) mean[k] /= (double)n;
}

/* c [triangle(F)] <- (1/n) sum x x^T of the centred rows; *fourth <- (1/n) sum |x|^4.  x [F] is work space. */
static void find_covariance(double *c, double *fourth, double *x, const double *mean, const float *vector, size_t n,
                            size_t F) {
    memset(c, 0, triangle(F) * sizeof *c);
    *fourth = 0;
    for (size_t i = 0; i < n; i++) {
        double square = 0;
        for (size_t k = 0; k < F; k++) {
            x[k] = (double)vector[i * F + k] - mean[k];
            square += x[k] * x[k];
        }
        *fourth += square * square / (double)n;
        for (size_t r = 0; r < F; r++)
            for (size_t k = 0; k <= r; k++) c[triangle(r) + k] += x[r] * x[k];
    }
    for (size_t k = 0; k < triangle(F); k++) c[k] /= (double)n;
}

/* c <- (1 - a) c + a mu I with Ledoit and Wolf's a (2004, section 3.3): mu is the mean variance, a = b^2 / d^2 with
 * d^2 = |c - mu I|^2 and b^2 = min(d^2, (1/n^2) sum |x x^T - c|^2) = (mean |x|^4 - |c|^2) / n.  0: nothing varies. */
static int shrink(double *c, double fourth, size_t n, size_t F) {
    double mu = 0, norm = 0, distance = 0;
    for (size_t r = 0; r < F; r++) mu += c[triangle(r) + r] / (double)F;
    if (!(mu > 0) || !isfinite(mu)) return 0;
    for (size_t r = 0; r < F; r++)
        for (size_t k = 0; k <= r; k++) {
            double value = c[triangle(r) + k], off = r == k ? value - mu : value;
            norm += (r == k ? 1 : 2) * value * value;
            distance += (r == k ? 1 : 2) * off * off;
        }
    double a = distance > 0 ? (fourth - norm) / (double)n / distance : 1;
    a = fmin(1, fmax(a, 1e-6)); /* vectors are single precision: what varies less is rounding */
    for (size_t r = 0; r < F; r++)
        for (size_t k = 0; k <= r; k++) c[triangle(r) + k] = (1 - a) * c[triangle(r) + k] + (r == k ? a * mu : 0);
    return 1;
}

/* c = L L^T in place (Cholesky); 0 where it is not positive definite. */
static int factorize(double *c, size_t F) {
    for (size_t r = 0; r < F; r++)
        for (size_t k = 0; k <= r; k++) {
            double sum = c[triangle(r) + k];
            for (size_t j = 0; j < k; j++) sum -= c[triangle(r) + j] * c[triangle(k) + j];
            if (r == k && !(sum > 0)) return 0;
            c[triangle(r) + k] = r == k ? sqrt(sum) : sum / c[triangle(k) + k];
        }
    return 1;
}

/* inverse <- L^-1, lower triangles both. */
static void invert(double *inverse, const double *L, size_t F) {
    for (size_t k = 0; k < F; k++)
        for (size_t r = k; r < F; r++) {
            double sum = r == k ? 1 : 0;
            for (size_t j = k; j < r; j++) sum -= L[triangle(r) + j] * inverse[triangle(j) + k];
            inverse[triangle(r) + k] = sum / L[triangle(r) + r];
        }
}

static double raw_distance(const rcr_domain *d, const float *vector) {
    size_t F = (size_t)d->n_features;
    double square = 0;
    for (size_t r = 0; r < F; r++) {
        double sum = 0;
        for (size_t k = 0; k <= r; k++) sum += d->whiten[triangle(r) + k] * ((double)vector[k] - d->mean[k]);
        square += sum * sum;
    }
    return sqrt(square);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The distance that RCR_DOMAIN_SHARE of the rows stay below; distance [n] is work space. */
static double find_threshold(double *distance, const rcr_domain *d, const float *vector, size_t n) {
    for (size_t i = 0; i < n; i++) distance[i] = raw_distance(d, vector + i * (size_t)d->n_features);
    qsort(distance, n, sizeof *distance, by_value);
    size_t rank = rcr_conformal_rank(n, RCR_DOMAIN_SHARE);
    return distance[(rank > n ? n : rank) - 1];
}

rcr_status rcr_domain_fit(rcr_domain *domain, const float *vector, size_t n, const float *other, size_t n_other,
                          int32_t n_features, rcr_error *err) {
    size_t F = (size_t)n_features, most = n > n_other ? n : n_other;
    if (n < 2 || n_features > RCR_DOMAIN_MAX_FEATURES) return RCR_OK;
    rcr_domain d = {.n_features = n_features};
    double *c = rcr_calloc(triangle(F), sizeof *c), *work = rcr_calloc(most > F ? most : F, sizeof *work);
    d.mean = rcr_calloc(F, sizeof *d.mean);
    d.whiten = rcr_calloc(triangle(F), sizeof *d.whiten);
    int made = c != NULL && work != NULL && d.mean != NULL && d.whiten != NULL, useful = 0;
    if (made) {
        double fourth;
        find_mean(d.mean, vector, n, F);
        find_covariance(c, &fourth, work, d.mean, vector, n, F);
        useful = shrink(c, fourth, n, F) && factorize(c, F);
    }
    if (useful) {
        invert(d.whiten, c, F);
        d.threshold = find_threshold(work, &d, n_other > 0 ? other : vector, n_other > 0 ? n_other : n);
        useful = d.threshold > 0 && isfinite(d.threshold);
    }
    rcr_free(c);
    rcr_free(work);
    if (!useful) {
        rcr_free(d.mean);
        rcr_free(d.whiten);
        return made ? RCR_OK : rcr_fail_memory(err, "describing the training rows");
    }
    memcpy(d.element, domain->element, sizeof d.element);
    *domain = d;
    return RCR_OK;
}

void rcr_domain_free(rcr_domain *domain) {
    if (domain == NULL) return;
    rcr_free(domain->mean);
    rcr_free(domain->whiten);
    rcr_free(domain);
}

rcr_status rcr_domain_copy(rcr_domain **out, const rcr_domain *from, rcr_error *err) {
    size_t F = (size_t)from->n_features;
    rcr_domain *copy = rcr_calloc(1, sizeof *copy);
    if (copy == NULL) return rcr_fail_memory(err, "copying a model");
    *copy = *from;
    copy->mean = copy->whiten = NULL;
    if (F > 0) {
        copy->mean = rcr_malloc(F, sizeof *copy->mean);
        copy->whiten = rcr_malloc(triangle(F), sizeof *copy->whiten);
        if (copy->mean == NULL || copy->whiten == NULL) {
            rcr_domain_free(copy);
            return rcr_fail_memory(err, "copying a model");
        }
        memcpy(copy->mean, from->mean, F * sizeof *copy->mean);
        memcpy(copy->whiten, from->whiten, triangle(F) * sizeof *copy->whiten);
    }
    *out = copy;
    return RCR_OK;
}

double rcr_domain_distance(const rcr_domain *domain, const float *vector) {
    return domain->n_features > 0 ? raw_distance(domain, vector) / domain->threshold : (double)NAN;
}

void rcr_domain_describe(rcr_text *out, const rcr_domain *domain, const rcr_graph *graph, double distance) {
    uint8_t element[RCR_MAX_ATOMIC_NUMBER + 1] = {0};
    int n_unseen = 0;
    mark_elements(element, graph);
    for (int z = 1; z <= RCR_MAX_ATOMIC_NUMBER; z++) {
        if (!element[z] || domain->element[z]) continue;
        rcr_text_printf(out, "%s%s", n_unseen++ == 0 ? "element:" : "+", rcr_element_symbol(z));
    }
    if (n_unseen == 0) rcr_text_puts(out, distance > 1 ? "far" : "in");
}
