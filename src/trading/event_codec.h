#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trading/events.h"

// For .cpp files: JSON in both directions from one description of a payload's fields. A payload says Describe(v, p)
// once; Writer and Reader walk it. A double is written with twelve digits, so that it reads and is written the same.
namespace quantum::trading::event {

template <class V, class P>
void Describe(V& v, P& p);

// Writes one object, member after member.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) { out_ += '{'; }

  template <class T>
  void Required(std::string_view name, const T& value) {
    out_ += first_ ? "\"" : ",\"";
    first_ = false;
    out_.append(name).append("\":");
    Append(value);
  }
  template <class T>
  void Optional(std::string_view name, const std::optional<T>& value) {
    if (value) {
      Required(name, *value);
    }
  }
  template <class T>
  void Optional(std::string_view name, const std::vector<T>& values) {
    if (!values.empty()) {
      Required(name, values);
    }
  }
  template <class T>
  void Optional(std::string_view name, const T& value) {
    Required(name, value);
  }
  void End() { out_ += '}'; }

 private:
  void Append(std::string_view value);
  void Append(const std::string& value) { Append(std::string_view(value)); }
  void Append(const Decimal& value) { Append(std::string_view(value.ToString())); }
  void Append(bool value) { out_ += value ? "true" : "false"; }
  void Append(int value) { Append(int64_t{value}); }
  void Append(int64_t value);
  void Append(double value);
  template <class E>
  requires std::is_enum_v<E>
  void Append(E value) { Append(ToString(value)); }
  template <class T>
  void Append(const std::vector<T>& values) {
    out_ += '[';
    for (size_t i = 0; i < values.size(); ++i) {
      out_ += i == 0 ? "" : ",";
      Append(values[i]);
    }
    out_ += ']';
  }
  template <class P>
  requires std::is_class_v<P>
  void Append(const P& payload) {
    Writer writer(out_);
    Describe(writer, payload);
    writer.End();
  }

  std::string& out_;
  bool first_ = true;
};

class Reader {
 public:
  Reader(const boost::json::object& object, std::string path) : object_(object), path_(std::move(path)) {}

  template <class T>
  void Required(std::string_view name, T& value) {
    if (const boost::json::value* found = object_.if_contains(name)) {
      Read(*found, name, value);
    } else {
      Complain(name, "is missing");
    }
  }
  template <class T>
  void Optional(std::string_view name, std::optional<T>& value) {
    if (const boost::json::value* found = object_.if_contains(name); found != nullptr && !found->is_null()) {
      Read(*found, name, value.emplace());
    }
  }
  template <class T>
  void Optional(std::string_view name, T& value) {
    if (const boost::json::value* found = object_.if_contains(name); found != nullptr && !found->is_null()) {
      Read(*found, name, value);
    }
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  void Complain(std::string_view name, std::string_view what);
  void Read(const boost::json::value& json, std::string_view name, std::string& value);
  void Read(const boost::json::value& json, std::string_view name, Decimal& value);
  void Read(const boost::json::value& json, std::string_view name, bool& value);
  void Read(const boost::json::value& json, std::string_view name, int& value);
  void Read(const boost::json::value& json, std::string_view name, int64_t& value);
  void Read(const boost::json::value& json, std::string_view name, double& value);
  void Read(const boost::json::value& json, std::string_view name, Side& value);
  void Read(const boost::json::value& json, std::string_view name, Leg& value);
  void Read(const boost::json::value& json, std::string_view name, OrderType& value);
  void Read(const boost::json::value& json, std::string_view name, OrderStatus& value);
  void Read(const boost::json::value& json, std::string_view name, TimeInForce& value);
  void Read(const boost::json::value& json, std::string_view name, Intent& value);
  template <class T, class Parse>
  void ReadEnum(const boost::json::value& json, std::string_view name, T& value, Parse parse);
  template <class T>
  void Read(const boost::json::value& json, std::string_view name, std::vector<T>& values) {
    const boost::json::array* array = json.if_array();
    if (array == nullptr) {
      Complain(name, "must be an array");
      return;
    }
    for (const boost::json::value& element : *array) {
      Read(element, name, values.emplace_back());
    }
  }
  template <class P>
  requires std::is_class_v<P>
  void Read(const boost::json::value& json, std::string_view name, P& payload) {
    const boost::json::object* object = json.if_object();
    if (object == nullptr) {
      Complain(name, "must be an object");
      return;
    }
    Reader reader(*object, path_ + std::string(name) + ".");
    Describe(reader, payload);
    if (reader.error_ && !error_) {
      error_ = reader.error_;
    }
  }

  const boost::json::object& object_;
  std::string path_;
  std::optional<Error> error_;
};

}  // namespace quantum::trading::event
