/* For tools/msan.sh: what libraries that MemorySanitizer did not compile (spglib, libmd) have written counts as
 * set.  Linked with --wrap. */
#include <sanitizer/msan_interface.h>
#include <sha2.h>
#include <spglib.h>

SpglibSpacegroupType __real_spg_get_spacegroup_type(int hall_number);
int __real_spg_get_symmetry_from_database(int rotations[192][3][3], double translations[192][3], int hall_number);
void __real_SHA256Transform(uint32_t state[8], const uint8_t data[SHA256_BLOCK_LENGTH]);

SpglibSpacegroupType __wrap_spg_get_spacegroup_type(int hall_number) {
    SpglibSpacegroupType type = __real_spg_get_spacegroup_type(hall_number);
    __msan_unpoison(&type, sizeof type);
    return type;
}

int __wrap_spg_get_symmetry_from_database(int rotations[192][3][3], double translations[192][3], int hall_number) {
    int n = __real_spg_get_symmetry_from_database(rotations, translations, hall_number);
    if (n > 0) {
        __msan_unpoison(rotations, (size_t)n * sizeof *rotations);
        __msan_unpoison(translations, (size_t)n * sizeof *translations);
    }
    return n;
}

void __wrap_SHA256Transform(uint32_t state[8], const uint8_t data[SHA256_BLOCK_LENGTH]) {
    __msan_check_mem_is_initialized(data, SHA256_BLOCK_LENGTH);
    __real_SHA256Transform(state, data);
    __msan_unpoison(state, 8 * sizeof *state);
}
