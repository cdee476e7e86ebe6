# One place for the language level, warnings, sanitizers and the linker.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})

add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
                    -Wno-missing-field-initializers  # structs of options are filled by name; the rest has its default
                    -Wno-subobject-linkage  # about unnamed namespaces of .cpp files that are compiled together
                    -Werror
                    -fno-omit-frame-pointer)

set(QUANTUM_TEST_FLAGS "" CACHE STRING "beside the usual ones, of files that are tests")
set(QUANTUM_SANITIZER "" CACHE STRING "address or thread; empty for none")
if(QUANTUM_SANITIZER STREQUAL "address")
  # GCC 12 sees uninitialised members in <regex> and others that only the checks it has inserted itself can reach.
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -Wno-maybe-uninitialized)
  add_link_options(-fsanitize=address,undefined)
elseif(QUANTUM_SANITIZER STREQUAL "thread")
  # GCC warns that -fsanitize=thread does not model std::atomic_thread_fence, which Asio uses internally.
  add_compile_options(-fsanitize=thread -Wno-tsan)
  add_link_options(-fsanitize=thread)
endif()

find_program(QUANTUM_CCACHE ccache)
if(QUANTUM_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${QUANTUM_CCACHE})
endif()
find_program(QUANTUM_MOLD mold)
if(QUANTUM_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
