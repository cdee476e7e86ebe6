# The CMakeLists.txt of a checkout that has nothing but src/services: the libraries are those of another build.
# QUANTUM_SOURCE is the checkout they were built from, QUANTUM_BUILD holds settings.cmake and libraries.cmake.
cmake_minimum_required(VERSION 3.25)
include(${QUANTUM_BUILD}/settings.cmake)
project(recipe LANGUAGES CXX)
list(APPEND CMAKE_MODULE_PATH ${QUANTUM_SOURCE}/cmake)
include(toolchain)
include(dependencies)
include(targets)
include(${QUANTUM_BUILD}/libraries.cmake)
add_subdirectory(src/services)
