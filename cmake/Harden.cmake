# What makes a fault in this program harder to use against its user, and the same sources the same bytes.  Included once,
# by CMakeLists.txt; tests/checks/test_hardening.sh looks at what came out, test_repeatable.sh builds twice.
include(CheckCCompilerFlag)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C CXX) # else CMake never links with -pie

# ---- no folder of this machine in what is built: debug lines and __FILE__ begin at the root of the sources.
# gcc takes the last map that fits, clang the first it was given; a build folder inside the sources fits both.
if(NOT RECRYST_COVERAGE AND NOT RECRYST_SANITIZE) # whose reports name files that must be found
  target_compile_options(rcr_flags INTERFACE -ffile-prefix-map=${CMAKE_SOURCE_DIR}=. -ffile-prefix-map=${CMAKE_BINARY_DIR}=./build)
endif()

if(RECRYST_COVERAGE)
  # -O1: lines stay where they were written.  Threads count too.
  target_compile_options(rcr_flags INTERFACE --coverage -fprofile-update=atomic -O1 -Wno-error)
  target_link_options(rcr_flags INTERFACE --coverage)
endif()

if(RECRYST_HARDEN AND NOT RECRYST_SANITIZE AND NOT RECRYST_FUZZ)
  # Stack: a canary in functions with arrays, pages touched one by one.  Calls: only to where a call may go (CET).
  foreach(flag -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -mbranch-protection=standard)
    string(MAKE_C_IDENTIFIER "RCR_HAS${flag}" known)
    # A warning counts as a refusal: clang takes flags of other processors and says so.
    set(CMAKE_REQUIRED_FLAGS -Werror)
    check_c_compiler_flag(${flag} ${known})
    unset(CMAKE_REQUIRED_FLAGS)
    if(${known})
      target_compile_options(rcr_flags INTERFACE ${flag})
    endif()
  endforeach()
  # The C library's checked copies; they need an optimising compiler.  _FORTIFY_SOURCE may be set by the compiler itself.
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    target_compile_options(rcr_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
  endif()
  target_compile_options(rcr_flags INTERFACE -Wformat -Wformat-security)
  # Addresses of functions are written at the start and then read-only; no stack is code.
  target_link_options(rcr_flags INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()
