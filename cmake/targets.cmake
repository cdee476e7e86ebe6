# A library a folder (or a few), so that the linker enforces who may use whom. Unit tests stand beside the code.
include(GoogleTest)

# The sanitizers' reports of all programs, whoever started them and as which user: one file a process.
if(QUANTUM_SANITIZER)
  set(QUANTUM_SANITIZER_REPORTS ${CMAKE_BINARY_DIR}/sanitizer CACHE PATH "where the sanitizers report")
  file(MAKE_DIRECTORY ${QUANTUM_SANITIZER_REPORTS})
  file(CHMOD ${QUANTUM_SANITIZER_REPORTS} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_WRITE GROUP_EXECUTE
       WORLD_READ WORLD_WRITE WORLD_EXECUTE)
  add_library(sanitizer_options OBJECT ${CMAKE_CURRENT_LIST_DIR}/sanitizer_options.cpp)
  target_compile_definitions(sanitizer_options PRIVATE QUANTUM_SANITIZER_REPORTS="${QUANTUM_SANITIZER_REPORTS}/report")
  link_libraries(sanitizer_options)
endif()

# What `./quantum up` needs; tests and benchmarks are built by `./quantum test` and `bench`.
add_custom_target(programs)

# A build from scratch reads and instantiates the same headers for every file; six files at once take less than half of
# the time (preset `dev` compiles each alone, so that one change costs one file). What they keep to themselves, in
# unnamed namespaces, needs names that differ within a library; files that cannot stand with others are named SEPARATE.

# quantum_library(NAME SOURCES ... [SEPARATE ...] DEPENDS ...)
function(quantum_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;SEPARATE;DEPENDS" ${ARGN})
  set_source_files_properties(${ARG_SEPARATE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${name} PUBLIC ${ARG_DEPENDS})
endfunction()

# quantum_program(NAME SOURCES ... DEPENDS ...): the executable build/<preset>/NAME
function(quantum_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS})
  if(name MATCHES "^quantum")  # not the helpers of tests and benchmarks
    add_dependencies(programs ${name})
  endif()
endfunction()

# quantum_test(NAME [INTEGRATION [ALONE]] [TIMEOUT SECONDS] [COST SECONDS] SOURCES ... [SEPARATE ...] DEPENDS ...): a GoogleTest
# program. Unit tests touch no server and no network; INTEGRATION tests start real servers. While one that is ALONE runs,
# no other does: it listens on ports of the manifest, or what it shows is a matter of time. TIMEOUT is that of a unit
# test or of a whole integration program, on a machine three times slower than ours; a sanitizer triples it. Those of
# high COST begin first, so that none is left to run alone at the end.
function(quantum_test name)
  cmake_parse_arguments(ARG "INTEGRATION;ALONE" "TIMEOUT;COST" "SOURCES;SEPARATE;DEPENDS" ${ARGN})
  set_source_files_properties(${ARG_SEPARATE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
    if(ARG_INTEGRATION)
      set(ARG_TIMEOUT 600)
    endif()
  endif()
  if(QUANTUM_SANITIZER)
    math(EXPR ARG_TIMEOUT "3 * ${ARG_TIMEOUT}")
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})
  target_compile_options(${name} PRIVATE ${QUANTUM_TEST_FLAGS})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} checkout GTest::gmock GTest::gtest_main)
  if(ARG_INTEGRATION)
    # One entry a program: its tests share the servers that its first test started.
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES LABELS integration TIMEOUT ${ARG_TIMEOUT} RUN_SERIAL ${ARG_ALONE})
    if(ARG_COST)
      set_tests_properties(${name} PROPERTIES COST ${ARG_COST})
    endif()
  else()
    gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES LABELS unit TIMEOUT ${ARG_TIMEOUT})
  endif()
endfunction()

# quantum_benchmark(NAME SOURCES ... DEPENDS ...): a program under bench/, run by `./quantum bench`.
function(quantum_benchmark name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} checkout benchmark::benchmark)
endfunction()
