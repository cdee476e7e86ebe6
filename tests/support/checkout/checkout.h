#pragma once

#include <string>

// Where the checkout and this build of it lie: in one small file, so that the tests themselves compile to the same
// objects wherever that is, and the compiler's cache serves them all.
namespace quantum::checkout {

std::string SourceDirectory();  // of quantum.yml
std::string BinaryDirectory();  // of the programs

}  // namespace quantum::checkout
