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

class Writer {
 public:
  // Everything that is written lives in this memory.
  explicit Writer(boost::json::storage_ptr memory = {}) : object_(std::move(memory)) {}

  template <class T>
  void Required(std::string_view name, const T& value) {
    object_[name] = ToValue(value);
  }
  template <class T>
  void Optional(std::string_view name, const std::optional<T>& value) {
    if (value) {
      object_[name] = ToValue(*value);
    }
  }
  template <class T>
  void Optional(std::string_view name, const std::vector<T>& values) {
    if (!values.empty()) {
      object_[name] = ToValue(values);
    }
  }
  template <class T>
  void Optional(std::string_view name, const T& value) {
    object_[name] = ToValue(value);
  }
  boost::json::object Take() { return std::move(object_); }

 private:
  // Constructed with parentheses: in braces they would be an array of two.
  boost::json::value ToValue(const std::string& value) const { return boost::json::value(value, object_.storage()); }
  boost::json::value ToValue(const Decimal& value) const {
    return boost::json::value(value.ToString(), object_.storage());
  }
  boost::json::value ToValue(bool value) const { return boost::json::value(value, object_.storage()); }
  boost::json::value ToValue(int value) const { return boost::json::value(value, object_.storage()); }
  boost::json::value ToValue(int64_t value) const { return boost::json::value(value, object_.storage()); }
  boost::json::value ToValue(double value) const;
  template <class E>
  requires std::is_enum_v<E> boost::json::value ToValue(E value)
  const { return boost::json::value(ToString(value), object_.storage()); }
  template <class T>
  boost::json::value ToValue(const std::vector<T>& values) const {
    boost::json::array array(object_.storage());
    for (const T& value : values) {
      array.push_back(ToValue(value));
    }
    return array;
  }
  template <class P>
  requires std::is_class_v<P> boost::json::value ToValue(const P& payload)
  const {
    Writer writer(object_.storage());
    Describe(writer, payload);
    return writer.Take();
  }

  boost::json::object object_;
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
