#include "crystal/formula.h"

#include <math.h>
#include <string.h>

void rcr_composition(double amount[RCR_MAX_ATOMIC_NUMBER + 1], const rcr_crystal *crystal) {
    memset(amount, 0, (RCR_MAX_ATOMIC_NUMBER + 1) * sizeof *amount);
    for (int32_t i = 0; i < crystal->n_sites; i++) {
        if (crystal->species_offset == NULL)
            amount[crystal->atomic_number[i]]++;
        else
            for (int32_t k = crystal->species_offset[i]; k < crystal->species_offset[i + 1]; k++)
                amount[crystal->species_number[k]] += crystal->species_occupancy[k];
    }
    for (int z = 1; z <= RCR_MAX_ATOMIC_NUMBER; z++)
        if (fabs(amount[z] - nearbyint(amount[z])) < 1e-6 && amount[z] > 0.5) amount[z] = nearbyint(amount[z]);
}

double rcr_composition_reduce(double amount[RCR_MAX_ATOMIC_NUMBER + 1]) {
    double divisor = 0;
    for (int z = 1; z <= RCR_MAX_ATOMIC_NUMBER; z++) {
        double a = amount[z], b = divisor;
        if (a != nearbyint(a)) return 1;
        while (a > 0) { /* Euclid */
            double rest = fmod(b, a);
            b = a;
            a = rest;
        }
        divisor = b;
    }
    if (divisor < 1) return 1;
    for (int z = 1; z <= RCR_MAX_ATOMIC_NUMBER; z++) amount[z] /= divisor;
    return divisor;
}

static void put_element(rcr_text *out, int z, double amount) {
    char number[32];
    if (!(amount > 0)) return;
    rcr_text_puts(out, rcr_element_symbol(z));
    /* Very small amounts keep a digit rather than vanish. */
    double rounded = nearbyint(amount * 1e4) / 1e4;
    if (rounded != 1) rcr_text_puts(out, rcr_format_double(number, rounded > 0 ? rounded : amount));
}

void rcr_formula(rcr_text *out, const double amount[RCR_MAX_ATOMIC_NUMBER + 1]) {
    int has_carbon = amount[6] > 0, z = 0;
    const char *last = "";
    if (has_carbon) {
        put_element(out, 6, amount[6]);
        put_element(out, 1, amount[1]);
    }
    do { /* the next symbol in the alphabet, until there is none */
        z = 0;
        for (int k = 1; k <= RCR_MAX_ATOMIC_NUMBER; k++) {
            if (!(amount[k] > 0) || (has_carbon && (k == 6 || k == 1))) continue;
            if (strcmp(rcr_element_symbol(k), last) <= 0) continue;
            if (z == 0 || strcmp(rcr_element_symbol(k), rcr_element_symbol(z)) < 0) z = k;
        }
        if (z != 0) {
            put_element(out, z, amount[z]);
            last = rcr_element_symbol(z);
        }
    } while (z != 0);
}

double rcr_element_mass(int atomic_number) {
    static const double mass[RCR_MAX_ATOMIC_NUMBER + 1] = {
        0,      1.008,  4.0026, 6.94,   9.0122, 10.81,  12.011, 14.007, 15.999, 18.998, 20.180, 22.990, 24.305, 26.982,
        28.085, 30.974, 32.06,  35.45,  39.95,  39.098, 40.078, 44.956, 47.867, 50.942, 51.996, 54.938, 55.845, 58.933,
        58.693, 63.546, 65.38,  69.723, 72.630, 74.922, 78.971, 79.904, 83.798, 85.468, 87.62,  88.906, 91.224, 92.906,
        95.95,  97.907, 101.07, 102.91, 106.42, 107.87, 112.41, 114.82, 118.71, 121.76, 127.60, 126.90, 131.29, 132.91,
        137.33, 138.91, 140.12, 140.91, 144.24, 144.91, 150.36, 151.96, 157.25, 158.93, 162.50, 164.93, 167.26, 168.93,
        173.05, 174.97, 178.49, 180.95, 183.84, 186.21, 190.23, 192.22, 195.08, 196.97, 200.59, 204.38, 207.2,  208.98,
        208.98, 209.99, 222.02, 223.02, 226.03, 227.03, 232.04, 231.04, 238.03, 237.05, 244.06, 243.06, 247.07, 247.07,
        251.08, 252.08, 257.10, 258.10, 259.10, 262.11, 267,    268,    269,    270,    269,    277,    281,    282,
        285,    286,    290,    290,    293,    294,    294};
    return atomic_number >= 1 && atomic_number <= RCR_MAX_ATOMIC_NUMBER ? mass[atomic_number] : 0;
}

double rcr_density(const double amount[RCR_MAX_ATOMIC_NUMBER + 1], double volume) {
    double mass = 0;
    for (int z = 1; z <= RCR_MAX_ATOMIC_NUMBER; z++) mass += amount[z] * rcr_element_mass(z);
    /* 1 u in 1 cubic angstrom is 1.66053906660 g/cm^3 (CODATA 2018). */
    return mass / volume * 1.66053906660;
}
