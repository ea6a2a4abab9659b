/* For tools/msan.sh: what libraries that MemorySanitizer did not compile (spglib, libmd, the binary of the standard
 * library of C++) have written counts as set.  Linked with --wrap. */
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

/* std::_Rb_tree_insert_and_rebalance(left, node, parent, header): colour and links of the new node; those of the others
 * were set before. */
void __real__ZSt29_Rb_tree_insert_and_rebalancebPSt18_Rb_tree_node_baseS0_RS_(_Bool left, void *node, void *parent,
                                                                              void *header);

void __wrap__ZSt29_Rb_tree_insert_and_rebalancebPSt18_Rb_tree_node_baseS0_RS_(_Bool left, void *node, void *parent,
                                                                              void *header) {
    __real__ZSt29_Rb_tree_insert_and_rebalancebPSt18_Rb_tree_node_baseS0_RS_(left, node, parent, header);
    __msan_unpoison(node, 4 * sizeof(void *));
}

/* std::stringstream::stringstream(); what toml++ makes of numbers. */
void __real__ZNSt7__cxx1118basic_stringstreamIcSt11char_traitsIcESaIcEEC1Ev(void *stream);

void __wrap__ZNSt7__cxx1118basic_stringstreamIcSt11char_traitsIcESaIcEEC1Ev(void *stream) {
    enum { SIZE = 392 }; /* sizeof(std::stringstream) on 64-bit Linux, a part of the binary interface */
    __real__ZNSt7__cxx1118basic_stringstreamIcSt11char_traitsIcESaIcEEC1Ev(stream);
    __msan_unpoison(stream, SIZE);
}

/* std::istream::_M_extract<double>(value), operator>> of it. */
void *__real__ZNSi10_M_extractIdEERSiRT_(void *stream, double *value);

void *__wrap__ZNSi10_M_extractIdEERSiRT_(void *stream, double *value) {
    void *same = __real__ZNSi10_M_extractIdEERSiRT_(stream, value);
    __msan_unpoison(value, sizeof *value);
    return same;
}
