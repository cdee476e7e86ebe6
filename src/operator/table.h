#pragma once

#include <string>
#include <utility>
#include <vector>

#include "platform/base/clock.h"

namespace quantum::operate {

// Left-aligned columns under their headings, two spaces apart. Every row has as many cells as there are headings.
std::string FormatTable(const std::vector<std::string>& headings, const std::vector<std::vector<std::string>>& rows);

// A column of FormatJsonRows: a member of the rows, or of several the first that is neither missing nor zero. With a
// width its cells are cut to so many characters, and a time is the time of day, or, when it was more than a day ago,
// day and minute.
struct Column {
  Column(const char* member) : names{member}, heading(member) {}  // NOLINT: a list of columns is a list of names
  Column(const char* member, size_t most) : names{member}, heading(member), width(most) {}
  Column(const char* member, size_t most, const char* above) : names{member}, heading(above), width(most) {}
  Column(std::vector<std::string> members, size_t most, const char* above)
      : names(std::move(members)), heading(above), width(most) {}
  std::vector<std::string> names;
  std::string heading;
  size_t width = 0;
};

// No line of these is wider than a terminal of 120 columns; everything is in --json.
const std::vector<Column>& OrderColumns();
const std::vector<Column>& TradeColumns();

// A JSON array of objects (or an object with one such array inside) as a table of the named columns; what a row does
// not have is "-". Whole numbers in columns that end in "time" are Unix milliseconds. Text that is no such JSON comes
// back as it is.
std::string FormatJsonRows(const std::string& json, const std::vector<Column>& columns,
                           WallTime now = SystemClock().Now());

// One line of text, broken between words so that no line has more than `width` characters; what follows the first is
// indented. A word that is longer stays whole.
std::string Wrap(const std::string& line, size_t width = 120);

// Of the positions that execution keeps a symbol ({"items":[{"quantity":"0.002",…},…]}) those that are not flat; text
// that is no such JSON comes back as it is.
std::string OnlyOpen(const std::string& json);

}  // namespace quantum::operate
