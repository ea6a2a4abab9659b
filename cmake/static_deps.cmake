# What recryst_python needs but the C library, from static archives where those can go into a shared library.  Debian's
# of jansson, bzip2, LMDB (they refer to stdin or stderr as programs do) and spglib (OpenMP) can't; auditwheel puts those
# small libraries beside it (tools/wheel.sh).  Not all is left to auditwheel because libarchive's shared library needs
# libxml2 and ICU, 35 MB.  The wheel then runs on any Linux of the same processor with a C library at least as new.
# Symbols of the archives stay hidden (--exclude-libs), so that they do not meet other copies in the process.
# Debian, beside tools/setup.sh's: liblzma-dev libbz2-dev zlib1g-dev libzstd-dev nettle-dev
if(ARCHIVE_SONAME)
  message(FATAL_ERROR "RECRYST_STATIC_DEPS needs -DRECRYST_LAZY_LIBARCHIVE=OFF")
endif()
set(RCR_STATIC_LIBS "")
foreach(name archive md sqlite3 lzma z zstd nettle)
  find_library(RCR_STATIC_${name} lib${name}.a)
  if(NOT RCR_STATIC_${name})
    message(FATAL_ERROR "lib${name}.a is not installed (cmake/static_deps.cmake lists the packages)")
  endif()
  list(APPEND RCR_STATIC_LIBS ${RCR_STATIC_${name}})
endforeach()
target_link_libraries(recryst_python PRIVATE rcr_flags -Wl,--start-group ${RCR_STATIC_LIBS} -Wl,--end-group
                      jansson bz2 ${SYMSPG} ${LMDB} Threads::Threads ${CMAKE_DL_LIBS} m)
target_link_options(recryst_python PRIVATE -Wl,--gc-sections -s)
