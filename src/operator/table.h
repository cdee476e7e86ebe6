#pragma once

#include <string>
#include <vector>

namespace quantum::operate {

// Left-aligned columns under their headings, two spaces apart. Every row has as many cells as there are headings.
std::string FormatTable(const std::vector<std::string>& headings, const std::vector<std::vector<std::string>>& rows);

// A JSON array of objects (or an object with one such array inside) as a table of the named columns; what a row does
// not have is "-". Whole numbers in columns that end in "time" are Unix milliseconds. Text that is no such JSON comes
// back as it is.
std::string FormatJsonRows(const std::string& json, const std::vector<std::string>& columns);

// One line of text, broken between words so that no line has more than `width` characters; what follows the first is
// indented. A word that is longer stays whole.
std::string Wrap(const std::string& line, size_t width = 120);

// Of the positions that execution keeps a symbol ({"items":[{"quantity":"0.002",…},…]}) those that are not flat; text
// that is no such JSON comes back as it is.
std::string OnlyOpen(const std::string& json);

}  // namespace quantum::operate
