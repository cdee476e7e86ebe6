#include "tests/fuzz/mutator.h"

#include <algorithm>
#include <cctype>

namespace quantum::fuzz {

namespace {

const std::vector<std::string>& Numbers() {
  static const std::vector<std::string> all = {"0",
                                               "-1",
                                               "1e400",
                                               "-0",
                                               "0.000000001",
                                               "127",
                                               "256",
                                               "65536",
                                               "2147483648",
                                               "-2147483649",
                                               "4294967296",
                                               "9223372036854775807",
                                               "9223372036854775808",
                                               "-9223372036854775808",
                                               "18446744073709551616",
                                               "92233720368.54775807",
                                               "99999999999999999999999999999"};
  return all;
}

}  // namespace

std::string Mutator::Next() {
  std::string text = Any(corpus_);
  for (uint64_t changes = 1 + random_.Below(6); changes > 0; --changes) {
    Change(text);
  }
  if (text.size() > kBytesMax) {
    text.resize(kBytesMax);
  }
  return text;
}

void Mutator::Change(std::string& text) {
  const size_t at = Place(text);
  switch (random_.Below(10)) {
    case 0:
      if (at < text.size()) {
        text[at] = static_cast<char>(text[at] ^ (1 << random_.Below(8)));
      }
      return;
    case 1:
      if (at < text.size()) {
        text[at] = static_cast<char>(random_.Below(256));
      }
      return;
    case 2:
      text.insert(at, 1 + random_.Below(4), static_cast<char>(random_.Below(256)));
      return;
    case 3:
      text.erase(at, 1 + random_.Below(16));
      return;
    case 4:
      text.resize(at);
      return;
    case 5: {
      const std::string piece = text.substr(at, 1 + random_.Below(64));
      text.insert(Place(text), piece);
      return;
    }
    case 6: {
      const std::string& other = Any(corpus_);
      text = text.substr(0, at) + other.substr(Place(other));
      return;
    }
    case 7:
      if (!words_.empty()) {
        text.insert(at, Any(words_));
      }
      return;
    case 8: {  // a number becomes another
      const auto digit = std::find_if(text.begin() + static_cast<long>(at), text.end(),
                                      [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
      const auto end =
          std::find_if(digit, text.end(), [](char c) { return std::isdigit(static_cast<unsigned char>(c)) == 0; });
      text.replace(digit, end, Any(Numbers()));
      return;
    }
    default: {  // a deep nest
      const std::string piece = text.substr(at, 1 + random_.Below(3));
      for (uint64_t depth = random_.Below(200); depth > 0; --depth) {
        text.insert(at, piece);
      }
      return;
    }
  }
}

}  // namespace quantum::fuzz
